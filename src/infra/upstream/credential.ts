/**
 * A credential reference of the configuration as an upstream uses it.
 */
import { Effect, Redacted } from 'effect'
import type { CredentialHeader, CredentialReference } from '#infra/credentials/credential-reference.ts'
import { type CredentialSource, makeCredentialSource } from '#infra/credentials/credential-source.ts'
import { makeGoogleSource } from '#infra/credentials/google-source.ts'

export interface CredentialFailure {
  readonly message: string
  /** Whoever issues it is away for a moment; default: no. */
  readonly isPassing?: boolean
}

/** A credential ready to be sent, or the client's own. */
export type UpstreamCredential =
  | { readonly _tag: 'Client' }
  | { readonly _tag: 'None' }
  | {
      readonly _tag: 'Held'
      readonly header: CredentialHeader
      /** Fails when the reference cannot be resolved; the error names the reference, never the value. */
      readonly secret: Effect.Effect<Redacted.Redacted<string>, CredentialFailure>
      /** Whether another value may come in its place without anybody doing anything: a command's, Google's, a file's. */
      readonly renews: boolean
      /** The upstream refused it, or this value of it: read it anew next time. */
      readonly invalidate: (refused?: string) => void
    }

export const makeCredential = (reference: CredentialReference): UpstreamCredential => {
  switch (reference._tag) {
    case 'Client':
      return { _tag: 'Client' }
    case 'None':
      return { _tag: 'None' }
    case 'GoogleAdc':
      return held(makeGoogleSource(reference), 'bearer', true)
    default:
      return held(makeCredentialSource(reference), reference.header, reference._tag !== 'Env')
  }
}

const held = (
  source: Pick<CredentialSource, 'secret' | 'invalidate'>,
  header: CredentialHeader,
  renews: boolean,
): UpstreamCredential => {
  // Told on a refusal, so that a burst of refusals of an old value does not throw a newer one away.
  let sent: Redacted.Redacted<string> | undefined
  return {
    _tag: 'Held',
    header,
    renews,
    // The failure names the reference, never the value; the client only hears that the credential does not work.
    secret: source.secret.pipe(
      Effect.tap((secret) => {
        sent = secret
        return Effect.void
      }),
      Effect.tapError((error) => Effect.logError(error.message)),
    ),
    invalidate: (refused) => source.invalidate(refused === undefined ? sent : Redacted.make(refused)),
  }
}
