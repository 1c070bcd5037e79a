import { BROKEN } from '../simulate/design.ts'

/** The simulation's broken designs that a real sink can have: those that only its seams decide, not the servers or the group member. */
export const BREAKABLE = Object.entries(BROKEN)
  .filter(([, design]) => Object.keys(design).every((part) => part === 'tenure' || part === 'store'))
  .map(([name]) => name)
