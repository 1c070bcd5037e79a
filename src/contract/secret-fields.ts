/** Parts of the fields that name a Secret. */
import * as z from 'zod'
import { CA_FILE } from './names.ts'
import { field, matches } from './rule.ts'

export const secretName = field(z.string().max(253), 'Name of the Secret, in the connector’s namespace.', {
  rules: [
    matches(
      '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
      'must be the name of a Secret: lower-case letters, digits, dots and hyphens',
    ),
  ],
})

export function secretKey(description: string) {
  return field(z.string().max(253), description, {
    rules: [matches('^[-._a-zA-Z0-9]+$', 'must be a key of a Secret: letters, digits, dots, underscores and hyphens')],
  }).optional()
}

/** @param whose certificates are trusted by these authorities */
export function caSecretRef(whose: string) {
  return field(
    z.strictObject({ name: secretName, key: secretKey(`Its key with the certificates. Default ${CA_FILE}.`) }),
    `Secret with the certificates (PEM) of the authorities that ${whose} trusted by. Default: the public authorities that Node.js knows.`,
  ).optional()
}
