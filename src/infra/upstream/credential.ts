/**
 * A credential reference of the configuration as an upstream uses it.
 */
import { Effect, type Redacted } from 'effect'
import type { CredentialReference } from '#infra/credentials/credential-reference.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import type { UpstreamCredential } from '#infra/upstream/anthropic.ts'

export const makeCredential = (reference: CredentialReference): UpstreamCredential => {
  switch (reference._tag) {
    case 'Client':
      return { _tag: 'Client' }
    case 'None':
      return { _tag: 'None' }
    default: {
      const source = makeCredentialSource(reference)
      // Told on a refusal, so that a burst of refusals of an old value does not throw a newer one away.
      let sent: Redacted.Redacted<string> | undefined
      return {
        _tag: 'Held',
        header: reference.header,
        // The failure names the reference, never the value; the client only hears that the credential does not work.
        secret: source.secret.pipe(
          Effect.tap((secret) => {
            sent = secret
            return Effect.void
          }),
          Effect.tapError((error) => Effect.logError(error.message)),
        ),
        invalidate: () => source.invalidate(sent),
      }
    }
  }
}
