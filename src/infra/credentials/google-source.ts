/**
 * Access tokens of Google Cloud by Application Default Credentials, fresh and shared like any credential.
 */
import { Clock, Effect } from 'effect'
import { checkSecret } from '#infra/credentials/check-secret.ts'
import { type CredentialError, type CredentialReason, credentialError } from '#infra/credentials/credential-error.ts'
import type { GoogleAdcReference } from '#infra/credentials/credential-reference.ts'
import { aheadMs, type FreshSecret, makeFreshSecret } from '#infra/credentials/fresh-secret.ts'
import { type Environment, findGoogleCredential } from '#infra/credentials/google-file.ts'
import { findGoogleProject, findQuotaProject } from '#infra/credentials/google-project.ts'
import type { GoogleReason } from '#infra/credentials/google-reason.ts'
import { requestGoogleToken, type TokenRequest } from '#infra/credentials/google-token.ts'

export interface GoogleSource extends FreshSecret {
  readonly reference: GoogleAdcReference
  /** The project to ask in when none is configured; looked up at each run. */
  readonly projectId: Effect.Effect<string | undefined, CredentialError>
  /** What `x-goog-user-project` should say, if anything; looked up at each run. */
  readonly quotaProject: Effect.Effect<string | undefined, CredentialError>
}

export interface GoogleOptions extends TokenRequest {
  /** Where credentials are searched. The library itself reads proxies and the metadata server's name from the process. */
  readonly environment?: Environment
}

const LIMIT_MS = 10_000

/** A token service may leave the lifetime out; then the token is kept as long as the output of a command. */
const UNSTATED_LIFETIME_MS = 300_000

export const makeGoogleSource = (reference: GoogleAdcReference, options: GoogleOptions = {}): GoogleSource => {
  const { file } = reference
  const { environment = process.env } = options
  const failing = Effect.mapError((reason: CredentialReason) => credentialError(reference, reason))

  const fetch = Effect.gen(function* () {
    const begunMs = yield* Clock.currentTimeMillis
    const { token, lifetimeMs = UNSTATED_LIFETIME_MS } = yield* findGoogleCredential(file, environment).pipe(
      Effect.flatMap((credential) => requestGoogleToken(credential, options)),
      limited,
    )
    const secret = yield* checkSecret(token)
    // Counted from the question: the token is younger than that.
    const goodUntilMs = begunMs + lifetimeMs
    const nowMs = yield* Clock.currentTimeMillis
    if (goodUntilMs <= nowMs) return yield* Effect.fail<CredentialReason>({ _tag: 'Expired' })
    return { secret, refreshAtMs: goodUntilMs - aheadMs(lifetimeMs), goodUntilMs }
  }).pipe(failing)

  return {
    reference,
    ...makeFreshSecret(fetch),
    projectId: failing(limited(findGoogleProject(file, environment))),
    quotaProject: failing(findQuotaProject(file, environment)),
  }
}

const limited = <A>(effect: Effect.Effect<A, GoogleReason>): Effect.Effect<A, CredentialReason> =>
  Effect.timeoutOrElse(effect, {
    duration: LIMIT_MS,
    orElse: () => Effect.fail<CredentialReason>({ _tag: 'GoogleTimedOut', afterMs: LIMIT_MS }),
  })
