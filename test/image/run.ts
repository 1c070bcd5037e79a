import type { BuiltImages } from './image/build-image.ts'

/** What one run has made before it enters its namespaces, and what the suite inside needs to know. Plain data. */
export interface Run {
  /** Absolute; data, logs and containers. */
  readonly dir: string
  /** Name of the control group below which pods are. */
  readonly cgroup: string
  readonly cniFolder: string
  readonly images: BuiltImages
}

/** The environment variable by which the suite is told of its run. */
export const RUN_VARIABLE = 'IMAGE_RUN'

/** @throws Error outside of `npm run test:image` */
export function currentRun(): Run {
  const text = process.env[RUN_VARIABLE]
  if (text === undefined) throw new Error('this suite needs a node of its own: npm run test:image')
  return JSON.parse(text) as Run
}
