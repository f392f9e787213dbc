/**
 * Asks the admin API of the running Signalbox, with the token that lies beside its event log.
 */
import { Data, Effect, Redacted, Result, Schema } from 'effect'
import { askBox, type Question, tlsOf, troubleOfTls, unusableFile } from '#cli/ask-box.ts'
import { serverUrl } from '#cli/server-url.ts'
import { adminAccess } from '#infra/admin-token.ts'
import type { Config } from '#infra/config/config.ts'

/** The running Signalbox refused, or cannot be asked for a reason that can be mended; the message says why. */
export class AdminRefusal extends Data.TaggedError('AdminRefusal')<{ readonly message: string }> {}

export interface AdminCall {
  readonly path: `/admin/${string}`
  /** Default: GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
}

const TIMEOUT_MS = 10_000

const AdminError = Schema.Struct({ error: Schema.Struct({ type: Schema.String, message: Schema.String }) })
const isAdminError = Schema.is(AdminError)

/** Undefined: at this address no Signalbox answers that takes the token, so none that uses this log. */
export const askAdmin = <A>(config: Config, call: AdminCall, answer: Schema.Codec<A, unknown>) =>
  Effect.gen(function* () {
    const { tokens } = yield* adminAccess(config)
    const tls = yield* Effect.tryPromise({
      try: () => tlsOf(config.server),
      catch: (error) => new AdminRefusal({ message: unusableFile(error) }),
    })
    const send = sending(config, call, tokens.admin)
    const reply = yield* Effect.result(
      Effect.tryPromise({
        try: () => askBox({ ...send, tls }),
        catch: (error) => troubleOfTls(config.server, serverUrl(config), error),
      }),
    )
    if (Result.isFailure(reply)) {
      return reply.failure === undefined ? undefined : yield* new AdminRefusal({ message: reply.failure })
    }
    const { status } = reply.success
    const body = jsonIn(reply.success.body)
    if (status === 200 && body !== undefined) return yield* Effect.orDie(Schema.decodeUnknownEffect(answer)(body))
    return status === 401 || !isAdminError(body) ? undefined : yield* new AdminRefusal({ message: body.error.message })
  })

const sending = (config: Config, { path, method = 'GET', body }: AdminCall, token: Redacted.Redacted): Question => ({
  url: `${serverUrl(config)}${path}`,
  method,
  headers: { authorization: `Bearer ${Redacted.value(token)}`, 'content-type': 'application/json' },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  timeoutMs: TIMEOUT_MS,
})

/** Undefined: it is none, so what answers there is something else. */
const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
