/**
 * Google's token servers on loopback: OAuth (service accounts and refresh tokens), the metadata server, and the exchange of
 * foreign tokens. What it has issued, and no longer than it lives, a simulated Vertex accepts.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Clock, Effect, type Scope } from 'effect'
import { letters, seedOf } from '#infra/simulator/draws.ts'
import { type AssertionRules, checkAssertion } from '#infra/simulator/google-assertion.ts'
import { SimulatorError } from '#infra/simulator/simulator-error.ts'

export type Grant = 'jwtBearer' | 'refreshToken' | 'metadata' | 'exchange'

export interface GoogleTokensOptions {
  /** Default 3,599, as Google's. */
  readonly lifetimeSeconds?: number
  /** PEM of the service account's public key; without it assertions are refused. */
  readonly publicKey?: string
  /** The `iss` that assertions must have; none given = any. */
  readonly clientEmail?: string
  /** Refresh tokens that are good; none given = any. */
  readonly refreshTokens?: readonly string[]
  /** Default `simulated-project`. */
  readonly projectId?: string
  /** Default 0: a free port. */
  readonly port?: number
}

export interface GoogleTokens {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  /** True for a token that was issued here and has not expired at `at` (epoch ms). */
  readonly accepts: (token: string, at: number) => boolean
  /** Token requests so far, whatever became of them. */
  readonly requests: (grant: Grant) => number
  /** Tokens in the order in which they were issued. */
  readonly issued: readonly string[]
  /** Takes every token back. */
  readonly revoke: () => void
  /** The next `times` token requests fail; default 503 with a text that is not JSON. */
  readonly fail: (times: number, how?: { readonly status: number; readonly body: object | string }) => void
}

interface Reply {
  readonly status: number
  readonly body: object | string
  readonly headers?: { readonly [name: string]: string }
}

export const startGoogleTokens: (
  options?: GoogleTokensOptions,
) => Effect.Effect<GoogleTokens, SimulatorError, Scope.Scope> = Effect.fnUntraced(function* (
  options: GoogleTokensOptions = {},
) {
  const { lifetimeSeconds = 3_599, projectId = 'simulated-project' } = options
  const clock = yield* Clock.Clock
  const expiryByToken = new Map<string, number>()
  const issued: string[] = []
  const counts = new Map<Grant, number>()
  let failing: { times: number; readonly reply: Reply } = { times: 0, reply: { status: 503, body: '' } }

  const issue = (grant: Grant, more: object = {}): Reply => {
    // Two servers never issue the same token: no two have one port at a time.
    const token = `ya29.${letters(40, seedOf(urlOf()), issued.length)}`
    issued.push(token)
    expiryByToken.set(token, clock.currentTimeMillisUnsafe() + lifetimeSeconds * 1_000)
    const scope = grant === 'metadata' ? {} : { scope: 'https://www.googleapis.com/auth/cloud-platform' }
    return {
      status: 200,
      body: { access_token: token, expires_in: lifetimeSeconds, token_type: 'Bearer', ...scope, ...more },
    }
  }

  const granted = (grant: Grant, check: () => Reply | undefined, more?: object): Reply => {
    counts.set(grant, (counts.get(grant) ?? 0) + 1)
    if (failing.times > 0) {
      failing = { ...failing, times: failing.times - 1 }
      return failing.reply
    }
    return check() ?? issue(grant, more)
  }

  const reply = (method: string, url: URL, flavor: string | undefined, body: string): Reply => {
    const form = new URLSearchParams(body)
    const metadata = url.pathname.startsWith('/computeMetadata/v1/')
    if (metadata && flavor !== 'Google') return { status: 403, body: 'Missing Metadata-Flavor:Google header.' }
    switch (`${method} ${url.pathname}`) {
      case 'POST /token':
        return grantOf(form)
      case 'POST /v1/token':
        return granted('exchange', () => checkExchange(form), { issued_token_type: ACCESS_TOKEN })
      case 'GET /computeMetadata/v1/instance/service-accounts/default/token':
        return withFlavor(granted('metadata', () => undefined))
      case 'GET /computeMetadata/v1/project/project-id':
        return withFlavor({ status: 200, body: projectId })
      case 'GET /computeMetadata/v1/instance':
      case 'GET /computeMetadata/v1/instance/':
        return withFlavor({ status: 200, body: 'id\nservice-accounts/\n' })
      default:
        return { status: 404, body: 'Not Found' }
    }
  }

  const grantOf = (form: URLSearchParams): Reply => {
    switch (form.get('grant_type')) {
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer': {
        const { publicKey, clientEmail } = options
        const now = clock.currentTimeMillisUnsafe()
        const rules: AssertionRules = {
          publicKey,
          now,
          audiences: ['https://oauth2.googleapis.com/token', `${urlOf()}/token`],
          ...(clientEmail === undefined ? {} : { clientEmail }),
        }
        return granted('jwtBearer', () => invalidGrant(checkAssertion(form.get('assertion') ?? '', rules)))
      }
      case 'refresh_token':
        return granted('refreshToken', () => checkRefresh(form, options.refreshTokens))
      default:
        return { status: 400, body: { error: 'unsupported_grant_type', error_description: 'Invalid grant_type' } }
    }
  }

  const server = createServer((request, response) => {
    readText(request, (body) => {
      const url = new URL(request.url ?? '/', 'http://localhost')
      send(response, reply(request.method ?? 'GET', url, request.headers['metadata-flavor']?.toString(), body))
    })
  })
  const urlOf = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  yield* Effect.acquireRelease(
    Effect.callback<void, SimulatorError>((resume) => {
      const wanted = options.port ?? 0
      server.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
        resume(Effect.fail(new SimulatorError({ id: 'google-tokens', port: wanted, code })))
      })
      server.listen(wanted, '127.0.0.1', () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      }),
  )

  return {
    url: urlOf(),
    port: (server.address() as AddressInfo).port,
    accepts: (token, at) => (expiryByToken.get(token) ?? Number.NEGATIVE_INFINITY) > at,
    requests: (grant) => counts.get(grant) ?? 0,
    issued,
    revoke: () => expiryByToken.clear(),
    fail: (times, how = { status: 503, body: 'Service Unavailable' }) => {
      failing = { times, reply: how }
    },
  }
})

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

const withFlavor = (reply: Reply): Reply => ({ ...reply, headers: { 'metadata-flavor': 'Google' } })

const invalidGrant = (description: string | undefined): Reply | undefined =>
  description === undefined
    ? undefined
    : { status: 400, body: { error: 'invalid_grant', error_description: description } }

const checkRefresh = (form: URLSearchParams, good: readonly string[] | undefined): Reply | undefined => {
  if (!form.get('client_id') || !form.get('client_secret')) {
    return { status: 401, body: { error: 'invalid_client', error_description: 'The OAuth client was not found.' } }
  }
  const token = form.get('refresh_token') ?? ''
  const known = token !== '' && (good?.includes(token) ?? true)
  return invalidGrant(known ? undefined : 'Token has been expired or revoked.')
}

const checkExchange = (form: URLSearchParams): Reply | undefined => {
  const missing = ['audience', 'subject_token', 'subject_token_type', 'requested_token_type'].find(
    (key) => !form.get(key),
  )
  if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange') {
    return { status: 400, body: { error: 'unsupported_grant_type', error_description: 'Invalid grant_type' } }
  }
  return missing === undefined
    ? undefined
    : { status: 400, body: { error: 'invalid_request', error_description: `Missing required parameter: ${missing}` } }
}

const send = (response: ServerResponse, { status, body, headers = {} }: Reply): void => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json; charset=utf-8'
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}

const readText = (request: IncomingMessage, done: (text: string) => void): void => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => done(Buffer.concat(chunks).toString()))
}
