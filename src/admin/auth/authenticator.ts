/** What a caller wants to do, from the verb: POST, GET, PUT, DELETE. */
export type Action = 'CREATE' | 'READ' | 'UPDATE' | 'DELETE'

/** Somebody whose token is valid. */
export interface Caller {
  /** Who it is, for the log and the rate limit: a client id or a Kubernetes user. No secret. */
  readonly subject: string
  /**
   * @param resource such as `ADMIN:ANALYTICS:CONNECTOR`
   * @throws ApiError 503 when the permissions cannot be looked up
   */
  allows(resource: string, action: Action): Promise<boolean>
}

/** Tells who calls. The seam between the server and the ways to prove it. */
export interface Authenticator {
  /**
   * @param authorization the request's Authorization header
   * @throws ApiError 401; 503 when nobody can tell at the moment
   */
  authenticate(authorization: string | undefined): Promise<Caller>
}
