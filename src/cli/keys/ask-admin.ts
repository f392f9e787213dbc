/**
 * Asks the admin API of the running Signalbox, with the token that lies beside its event log.
 */
import { Data, Effect, Redacted, Schema } from 'effect'
import { serverUrl } from '#cli/server-url.ts'
import { adminAccess } from '#infra/admin-token.ts'
import type { Config } from '#infra/config/config.ts'

/** The running Signalbox refused; its message says why. */
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
    const reply = yield* Effect.option(Effect.tryPromise(() => send(config, call, tokens.admin)))
    if (reply._tag === 'None') return undefined
    const { status, body } = reply.value
    if (status === 200) return yield* Effect.orDie(Schema.decodeUnknownEffect(answer)(body))
    return status === 401 || !isAdminError(body) ? undefined : yield* new AdminRefusal({ message: body.error.message })
  })

const send = async (config: Config, { path, method = 'GET', body }: AdminCall, token: Redacted.Redacted) => {
  const response = await fetch(`${serverUrl(config)}${path}`, {
    method,
    headers: { authorization: `Bearer ${Redacted.value(token)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    // Whoever sends elsewhere is not what was looked for; the token stays here.
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const json: unknown = await response.json()
  return { status: response.status, body: json }
}
