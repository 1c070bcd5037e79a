import { join, resolve } from 'node:path'

/** The folder of this repository. */
export const REPOSITORY = resolve(import.meta.dirname, '..')
/** The program, as its sources are run. */
export const PROGRAM = join(REPOSITORY, 'src/bin/main.ts')
/** What a user installs. */
export const DEPLOY = join(REPOSITORY, 'deploy')
/** The CustomResourceDefinition. */
export const CRD = join(REPOSITORY, 'crds/analyticsconnectors.yaml')
