/**
 * The typed error of an attempt: why it failed, how far the response had come, and what may be passed on to the client.
 */
import { Data } from 'effect'
import type { HeaderList, UpstreamAnswer } from '#actors/ports.ts'
import type { Stage } from '#domain/events.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { Usage } from '#domain/usage.ts'

export class ProviderError extends Data.TaggedError('ProviderError')<{
  readonly reason: FailureReason
  readonly stage: Stage
  readonly usage: Usage | undefined
  readonly upstreamRequestId: string | undefined
  /** Of the upstream's answer, as far as it had one. */
  readonly headers: HeaderList
  /** The provider's own error, to be passed on unchanged when it ends the cascade. */
  readonly answer: UpstreamAnswer | undefined
  /** Set when the client has seen bytes of this attempt: shows it the failure as it was. No other attempt may follow. */
  readonly mirror: (() => void) | undefined
}> {}
