/**
 * Where news of alerts goes. A channel either took a message or fails; trying again is not its business.
 */
import { Data, type Effect } from 'effect'
import type { AlertNews } from '#domain/projections/alerts.ts'
import type { CredentialError } from '#infra/credentials/credential-error.ts'

export type AlertMessage =
  /** At least one, the oldest first. */
  | { readonly _tag: 'News'; readonly news: readonly AlertNews[] }
  /** An operator tries the channel out. */
  | { readonly _tag: 'Test' }

/** Codes only: a URL may be a secret, and so may what a program or a server says. */
export type DeliveryReason =
  | { readonly _tag: 'Status'; readonly status: number }
  /** A code of the operating system or of the HTTP client, e.g. ECONNREFUSED. */
  | { readonly _tag: 'Transport'; readonly code: string }
  | { readonly _tag: 'TimedOut'; readonly afterMs: number }
  /** What the reference gave is no URL of http or https. */
  | { readonly _tag: 'NoUrl' }
  /** The URL or a header could not be had. */
  | { readonly _tag: 'Credential'; readonly error: CredentialError }
  /** Exit code or signal of the command. */
  | { readonly _tag: 'CommandFailed'; readonly how: string }

export class DeliveryError extends Data.TaggedError('DeliveryError')<{
  readonly channel: string
  readonly reason: DeliveryReason
}> {
  override get message(): string {
    return `The channel ${this.channel} did not take the news: ${explain(this.reason)}.`
  }
}

export interface Channel {
  readonly send: (message: AlertMessage) => Effect.Effect<void, DeliveryError>
}

const explain = (reason: DeliveryReason): string => {
  switch (reason._tag) {
    case 'Status':
      return reason.status >= 300 && reason.status < 400
        ? `it answered with a redirect (${reason.status}), which is not followed`
        : `it answered with status ${reason.status}`
    case 'Transport':
      return `it cannot be reached (${reason.code})`
    case 'TimedOut':
      return `it took longer than ${reason.afterMs / 1_000} s`
    case 'NoUrl':
      return 'its URL must begin with http:// or https://'
    case 'Credential':
      return reason.error.message.replace(/\.$/, '')
    case 'CommandFailed':
      return `the command ended with ${reason.how}`
  }
}
