/**
 * A credential reference of the configuration as an upstream uses it.
 */
import { Effect } from 'effect'
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
      return {
        _tag: 'Held',
        header: reference.header,
        // The failure names the reference, never the value; the client only hears that the credential does not work.
        secret: source.secret.pipe(Effect.tapError((error) => Effect.logError(error.message))),
        invalidate: () => source.invalidate(),
      }
    }
  }
}
