import * as z from 'zod'

const issuer = z.string().min(1).max(200)

const iamSchema = z
  .strictObject({
    /** Base of the IAM service's endpoints: `<url>/v3/oauth/jwks` has the keys. */
    url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL, such as https://demo.example.com/iam' }),
    /** `iss` of its tokens, exactly. */
    issuer,
    /** A client of our own at the IAM service, with ADMIN:ROLE [READ]; without it roles of tokens allow nothing. */
    clientId: z.string().min(1).optional(),
    /** File with that client's secret (a mounted Secret). */
    clientSecretFile: z.string().min(1).optional(),
    /** Path of a role below `url`; the answer's `permissions` are those of the role. */
    rolePath: z
      .string()
      .regex(/^\/.*\{roleId\}/, { error: 'must be a path with {roleId}' })
      .default('/v3/admin/roles/{roleId}'),
  })
  .refine(({ clientId, clientSecretFile }) => (clientId === undefined) === (clientSecretFile === undefined), {
    error: 'clientId and clientSecretFile come together',
  })

const builtInSchema = z.strictObject({
  /** `iss` of our own tokens. */
  issuer: issuer.default('analytics-connector'),
  /** Life of a token. */
  tokenSeconds: z.int().min(60).max(86_400).default(3_600),
  /** A signing key is replaced after so many days. */
  keyDays: z.number().min(1).max(366).default(30),
})

const kubernetesSchema = z.strictObject({
  /** Audiences that a service account's token must have one of; absent: the API server's own. */
  audiences: z.array(z.string().min(1)).min(1).optional(),
})

/** Whose tokens the API accepts; several at once are told apart by their issuer. */
export const authConfigSchema = z
  .strictObject({
    iam: iamSchema.optional(),
    builtIn: builtInSchema.optional(),
    kubernetes: kubernetesSchema.optional(),
  })
  .refine((auth) => Object.values(auth).some((each) => each !== undefined), {
    error: 'name at least one of iam, builtIn and kubernetes',
  })
  .refine(({ iam, builtIn }) => iam === undefined || iam.issuer !== builtIn?.issuer, {
    error: 'iam.issuer and builtIn.issuer must differ',
  })

export type AuthConfig = z.infer<typeof authConfigSchema>
export type IamConfig = z.infer<typeof iamSchema>
export type BuiltInConfig = z.infer<typeof builtInSchema>
