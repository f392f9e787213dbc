/**
 * Google's token endpoints and metadata server on loopback, as far as a client sees them, and credentials files for them.
 */
import { generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'

/** What must never be seen again: in no error, no log, no inspection. */
export const SECRETS = {
  refreshToken: '1//tell-no-one-refresh',
  clientSecret: 'tell-no-one-client',
  subjectToken: 'tell-no-one-subject',
} as const

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const PRIVATE_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

export interface TokenCall {
  /** The host that was meant, and the path. */
  readonly to: string
  readonly authorization: string | undefined
  readonly flavor: string | undefined
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly body: string
}

export type TokenAnswer =
  | { readonly _tag: 'Token'; readonly expiresIn?: number }
  | {
      readonly _tag: 'Status'
      readonly status: number
      readonly body: unknown
      readonly headers?: Record<string, string>
    }
  | { readonly _tag: 'Silence' }

export interface GoogleEndpoints {
  readonly origin: string
  readonly calls: readonly TokenCall[]
  /** For `fetch` of a source: every request to Google goes to this server. */
  readonly fetch: typeof fetch
  /** Holds from now on; tokens by default. */
  readonly answer: (next: TokenAnswer) => void
  /** Connections that were broken off before an answer. */
  readonly brokenOff: () => number
}

const HOST = /^\/([a-z0-9.-]+\.googleapis\.com)(\/.*)$/

/** Tokens are `ya29.token-N`, counted over all endpoints. */
export const googleEndpoints = async (): Promise<GoogleEndpoints> => {
  const calls: TokenCall[] = []
  let next: TokenAnswer = { _tag: 'Token' }
  let tokens = 0
  let brokenOff = 0

  const reply = (
    response: ServerResponse,
    status: number,
    body: unknown,
    headers: Record<string, string> = {},
  ): void => {
    response.writeHead(status, { 'content-type': 'application/json', 'metadata-flavor': 'Google', ...headers })
    response.end(JSON.stringify(body))
  }

  const token = (to: string, response: ServerResponse, expiresIn: number): void => {
    tokens += 1
    const value = `ya29.token-${tokens}`
    const until = new Date(Date.now() + expiresIn * 1_000).toISOString()
    const derived = { accessToken: value, expireTime: until }
    const usual = { access_token: value, expires_in: expiresIn, token_type: 'Bearer' }
    reply(response, 200, to.endsWith(':generateAccessToken') ? derived : usual)
  }

  const handle = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const url = new URL(request.url ?? '', 'http://loopback')
    const meant = HOST.exec(url.pathname)
    const to = meant === null ? url.pathname : `${meant[1]}${meant[2]}`
    const { authorization, 'metadata-flavor': flavor } = request.headers
    const form = new URLSearchParams(body)
    calls.push({ to, authorization, flavor: flavor?.toString(), query: url.searchParams, form, body })
    if (to === '/subject') reply(response, 200, { id: SECRETS.subjectToken })
    else if (to.endsWith('/project-id')) reply(response, 200, 'project-of-the-machine')
    else if (next._tag === 'Silence') response.on('close', () => (brokenOff += 1))
    else if (next._tag === 'Status') reply(response, next.status, next.body, next.headers)
    else token(to, response, next.expiresIn ?? 3_600)
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => handle(request, response, Buffer.concat(chunks).toString('utf8')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const redirected: typeof fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    return fetch(url.hostname === '127.0.0.1' ? url : new URL(`/${url.host}${url.pathname}${url.search}`, origin), init)
  }

  return {
    origin,
    calls,
    fetch: redirected,
    answer: (answer) => {
      next = answer
    },
    brokenOff: () => brokenOff,
  }
}

/** Whether an assertion is signed by the key of `serviceAccount`, and what it claims. */
export const readAssertion = (assertion: string): { readonly signed: boolean; readonly claims: unknown } => {
  const [header = '', claims = '', signature = ''] = assertion.split('.')
  return {
    signed: verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url')),
    claims: JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')),
  }
}

export const serviceAccount = {
  type: 'service_account',
  project_id: 'project-of-the-key',
  private_key_id: 'key-1',
  private_key: PRIVATE_KEY,
  client_email: 'robot@project-of-the-key.iam.gserviceaccount.com',
}

export const authorizedUser = {
  type: 'authorized_user',
  client_id: 'client.apps.googleusercontent.com',
  client_secret: SECRETS.clientSecret,
  refresh_token: SECRETS.refreshToken,
  quota_project_id: 'project-that-pays',
}

export const externalAccount = (origin: string, source: object, more: object = {}) => ({
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: `${origin}/sts`,
  credential_source: source,
  ...more,
})

/** A folder of its own for the test. */
export const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'signalbox-google-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** Writes a file that only its owner reads, and answers its path. */
export const write = (content: unknown, path = join(folder(), 'credentials.json')): string => {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 })
  return path
}

/** The process as if on a machine that is none of Google's, without proxies, and without the user's own credentials. */
export const withoutGoogle = (): void => {
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  for (const name of ['GCE_METADATA_HOST', 'GCE_METADATA_IP', 'GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES']) {
    vi.stubEnv(name, undefined)
  }
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toLowerCase(), undefined)
  }
}
