/**
 * A channel that posts to a URL. The URL and the headers may be secrets, so they are asked for when they are needed and never
 * named. A redirect is not followed: it could lead a secret, or us, anywhere.
 */
import { Effect, Redacted } from 'effect'
import { EnvHttpProxyAgent, request } from 'undici'
import { type Channel, DeliveryError, type DeliveryReason } from '#infra/alerts/channel.ts'
import { jsonBody, slackBody } from '#infra/alerts/message-body.ts'
import type { ChannelSettings, TextSource } from '#infra/alerts/settings.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import { guardedConnector } from '#infra/upstream/connect-guard.ts'

const TIMEOUT_MS = 10_000
/** What a receiver answers is of no interest; so much is read to have the connection end well. */
const ANSWER_BYTES = 65_536

type WebhookSettings = Extract<ChannelSettings, { readonly _tag: 'Webhook' }>

export interface WebhookOptions {
  readonly timeoutMs?: number
  /** Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** 2xx is taken, everything else is not. */
export const webhookChannel = (settings: WebhookSettings, options: WebhookOptions = {}): Channel => {
  const { name, format } = settings
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  const failed = (reason: DeliveryReason) => new DeliveryError({ channel: name, reason })
  const read = readerOf(options.environment)
  const [url, ...headers] = [settings.url, ...settings.headers.map(([, value]) => value)].map((source) =>
    read(source).pipe(Effect.mapError((error) => failed({ _tag: 'Credential', error }))),
  )

  return {
    send: (message) =>
      Effect.gen(function* () {
        const target = URL.parse(url === undefined ? '' : yield* url)
        if (target === null || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
          return yield* failed({ _tag: 'NoUrl' })
        }
        const values = yield* Effect.all(headers)
        const status = yield* post(target, {
          body: format === 'slack' ? slackBody(message) : jsonBody(message),
          headers: [
            ...['content-type', 'application/json', 'user-agent', 'signalbox'],
            ...settings.headers.flatMap(([header], index) => [header, values[index] ?? '']),
          ],
        }).pipe(Effect.mapError(failed))
        if (status < 200 || status > 299) return yield* failed({ _tag: 'Status', status })
      }).pipe(
        Effect.timeoutOrElse({
          duration: timeoutMs,
          orElse: () => Effect.fail(failed({ _tag: 'TimedOut', afterMs: timeoutMs })),
        }),
      ),
  }
}

const readerOf = (environment: WebhookOptions['environment']) => (source: TextSource) =>
  source._tag === 'Plain'
    ? Effect.succeed(source.text)
    : Effect.map(makeCredentialSource(source, environment).secret, Redacted.value)

/** News is rare, so each message has a connection of its own. The status of the answer. */
const post = (
  url: URL,
  { body, headers }: { readonly body: string; readonly headers: readonly string[] },
): Effect.Effect<number, DeliveryReason> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const connect = guardedConnector({ allowH2: false }, { allowPrivate: true })
      return new EnvHttpProxyAgent({ allowH2: false, connect })
    }),
    (dispatcher) =>
      Effect.tryPromise({
        try: async (signal) => {
          const answer = await request(url, { dispatcher, method: 'POST', headers: [...headers], body, signal })
          await answer.body.dump({ limit: ANSWER_BYTES })
          return answer.statusCode
        },
        catch: (error): DeliveryReason => ({ _tag: 'Transport', code: codeOf(error) }),
      }),
    (dispatcher) => Effect.promise(() => dispatcher.destroy()),
  )

/** Never the error's text, which may hold the URL. */
const codeOf = (error: unknown): string => {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}
