import { Data } from 'effect'
import { describeReference, type HeldCredential } from '#infra/credentials/credential-reference.ts'
import { explainGoogle, type GoogleReason } from '#infra/credentials/google-reason.ts'

/** Why a credential could not be had. Codes only: what a program or a file said may hold the secret. */
export type CredentialReason =
  | { readonly _tag: 'NotSet' }
  | { readonly _tag: 'Empty' }
  /** Holds a line break or another character that no header may hold: probably not the credential alone. */
  | { readonly _tag: 'Malformed' }
  /** A code of the operating system, e.g. ENOENT. */
  | { readonly _tag: 'Unreadable'; readonly code: string }
  /** Exit code or signal of the command. */
  | { readonly _tag: 'CommandFailed'; readonly how: string }
  | { readonly _tag: 'CommandTimedOut'; readonly afterMs: number }
  /** The command printed JSON that is not `{"access_token": …, "expires_in": …}`. */
  | { readonly _tag: 'NoAccessToken' }
  /** Its life was over when it came. */
  | { readonly _tag: 'Expired' }
  | GoogleReason

export class CredentialError extends Data.TaggedError('CredentialError')<{
  /** The reference in words. Not the reference itself: arguments of a command may hold secrets. */
  readonly from: string
  readonly reason: CredentialReason
}> {
  override get message(): string {
    return `The credential from ${this.from} cannot be used: ${explain(this.reason)}.`
  }

  /** Whoever issues it is away for a moment, as a provider may be; the credential itself is as good as before. */
  get isPassing(): boolean {
    switch (this.reason._tag) {
      case 'GoogleUnreachable':
      case 'GoogleTimedOut':
      case 'CommandTimedOut':
        return true
      case 'GoogleRefused':
        return this.reason.status === 429 || this.reason.status >= 500
      default:
        return false
    }
  }
}

export const credentialError = (reference: HeldCredential, reason: CredentialReason): CredentialError =>
  new CredentialError({ from: describeReference(reference), reason })

const explain = (reason: CredentialReason): string => {
  switch (reason._tag) {
    case 'NotSet':
      return 'it is not set'
    case 'Empty':
      return 'it is empty'
    case 'Malformed':
      return 'it must be one line of printable characters'
    case 'Unreadable':
      return reason.code === 'ENOENT' ? 'it does not exist' : `it cannot be read (${reason.code})`
    case 'CommandFailed':
      return `it ended with ${reason.how}`
    case 'CommandTimedOut':
      return `it did not end within ${reason.afterMs / 1_000} s`
    case 'NoAccessToken':
      return 'its JSON must have an access_token (text) and, if it expires, expires_in (seconds)'
    case 'Expired':
      return 'it had expired when it came'
    default:
      return explainGoogle(reason)
  }
}
