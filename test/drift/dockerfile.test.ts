/** What the Dockerfile repeats of package.json. */
import { expect, test } from 'vitest'
import { textOf } from './files.ts'

const dockerfile = textOf('Dockerfile')
const { version, devDependencies } = JSON.parse(textOf('package.json'))

test('the image runs the Node that the tests run on', () => {
  expect(/^ARG NODE_IMAGE=node:([\d.]+)-/m.exec(dockerfile)?.[1]).toBe(devDependencies.node)
})

test('its label says the version of the program', () => {
  expect(/^ARG VERSION=(.+)$/m.exec(dockerfile)?.[1]).toBe(version)
})
