/**
 * A question to the running Signalbox, over HTTP or TLS. Of few modules, because the status bar asks all the time.
 */
import { readFileSync } from 'node:fs'
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http'
import type { SecureContextOptions } from 'node:tls'
import type { Config } from '#infra/config/config.ts'

export interface Question {
  readonly url: string
  /** Default: GET. */
  readonly method?: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
  readonly timeoutMs: number
  /** Where the url is https. Absent: as Node would. */
  readonly tls?: SecureContextOptions | undefined
}

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Redirects are not followed: whoever sends elsewhere is not what was looked for. Rejects with the error of the system or of TLS. */
export const askBox = async (question: Question): Promise<Answer> => {
  const { url, method = 'GET', headers, body, timeoutMs, tls } = question
  const request = url.startsWith('https:') ? (await import('node:https')).request : requestPlain
  const options: RequestOptions & SecureContextOptions = {
    method,
    agent: false,
    headers: { ...headers, connection: 'close' },
    signal: AbortSignal.timeout(timeoutMs),
    ...tls,
  }
  return await new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject)
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

const textOf = async (response: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return text
}

/**
 * How commands speak TLS to the box of a configuration. Beside the usual authorities they trust the very certificate that it shows,
 * which lies on this machine; so one of an authority of one's own, or of none, needs no setting. Undefined: it speaks plain HTTP.
 * @throws the system's error of a file of `server.tls.commands` that cannot be read
 */
export const tlsOf = async ({ tls }: Config['server']): Promise<SecureContextOptions | undefined> => {
  if (tls === undefined) return undefined
  const { getCACertificates } = await import('node:tls')
  const { ca, identity } = tls.commands ?? {}
  return {
    ca: [
      ...getCACertificates('default'),
      ...readable(tls.certFile),
      ...(ca === undefined ? [] : [readFileSync(ca, 'utf8')]),
    ],
    allowPartialTrustChain: true,
    ...(identity && { cert: readFileSync(identity.certFile), key: readFileSync(identity.keyFile) }),
  }
}

/** The certificate may be where only the server's user may look; then the usual authorities have to do. */
const readable = (file: string): readonly string[] => {
  try {
    return [readFileSync(file, 'utf8')]
  } catch {
    return []
  }
}

const OF_TLS = /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$|ECONNRESET$|EPIPE$)/
/** Whoever answers does not speak TLS at all, so it is another program. */
const NOT_TLS = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/

/** Why a box that speaks TLS cannot be asked, and what to do; undefined: for no reason of TLS. */
export const troubleOfTls = ({ tls }: Config['server'], url: string, error: unknown): string | undefined => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (tls === undefined || !OF_TLS.test(code) || NOT_TLS.test(code)) return undefined
  const wants =
    tls.clientCaFile !== undefined && tls.commands?.identity === undefined
      ? 'It asks for a certificate: name one in server.tls.commands (certFile, keyFile).'
      : 'Look at server.tls.commands: which certificate commands show (certFile, keyFile), and whom they trust (ca).'
  return `The Signalbox at ${url} cannot be asked (${code}). ${wants}`
}

/** Why a file of `server.tls.commands` cannot be used. */
export const unusableFile = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  const path = error instanceof Error && 'path' in error ? ` ${String(error.path)}` : ''
  return `A file of server.tls.commands cannot be used (${code}):${path}`
}
