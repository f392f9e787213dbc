/**
 * What an answer that is no success means, and how the client hears of it: the provider's own words where Claude Code
 * understands them, else ours.
 */
import type { HeaderList, Refusal, UpstreamAnswer } from '#actors/ports.ts'
import { errorAnswer, errorBody } from '#domain/dialect/anthropic-error.ts'
import { classifyAnswer } from '#domain/dialect/classify-answer.ts'
import { classifyAnthropic } from '#domain/dialect/classify-anthropic.ts'
import { readChatError } from '#domain/dialect/openai/read-error.ts'
import { refusedFeatures } from '#domain/dialect/refused-features.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { Profile, Retirement } from '#infra/upstream/profile.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Of an error body so much is read; more is not an error message. */
const MAX_CLASSIFIED_BYTES = 64 * 1024

/** What OpenRouter refuses by `wrong_endpoint`: the model is to be asked in the other dialect. */
export const MESSAGES_ENDPOINT = 'endpoint:messages'

export const readRefusal = (
  answer: UpstreamAnswer,
  at: number,
  whose: 'client' | 'gateway',
  profile: Profile,
): Refusal => {
  const { status, headers } = answer
  const body = decoder.decode(answer.body.subarray(0, MAX_CLASSIFIED_BYTES))
  const passes = profile.dialect === 'anthropic' && profile.errors === 'pass'
  const found = passes
    ? { reason: classifyAnthropic(status, headers, body, at, whose) ?? ({ _tag: 'Unknown', status } as const) }
    : (classifyAnswer(status, headers, body, at, whose) ?? { reason: { _tag: 'Unknown', status } as const })
  const wrongEndpoint =
    profile.dialect === 'anthropic' && profile.chat !== undefined && readChatError(body).words.has('wrong_endpoint')
  const features = wrongEndpoint ? [MESSAGES_ENDPOINT] : refusedFeatures(status, body)
  const reason: FailureReason =
    features.length > 0 ? { _tag: 'FeatureRefused', status, features } : ownLimit(found.reason, profile)
  if (reason._tag === 'Retired' && profile.retired !== undefined) {
    return { reason, answer: retiredAnswer(profile.retired) }
  }
  const raised = 'raised' in found ? found.raised : undefined
  return {
    reason,
    answer:
      raised === undefined
        ? answer
        : { status: raised.status, headers: raised.headers, body: encoder.encode(raised.body) },
  }
}

/** A foreign model's window says nothing of the others': a larger provider may serve what does not fit there. */
const ownLimit = (reason: FailureReason, profile: Profile): FailureReason =>
  reason._tag === 'ContextTooLong' && (profile.dialect === 'openai' || profile.foreignThinking)
    ? { ...reason, limit: 'provider' }
    : reason

const own = (answer: { readonly status: number; readonly headers: HeaderList }, body: string): UpstreamAnswer => ({
  status: answer.status,
  headers: [['content-type', 'application/json'], ...answer.headers],
  body: encoder.encode(body),
})

export const refusedAnswer = (message: string): UpstreamAnswer => {
  const answer = errorAnswer.invalidRequest(message)
  return own(answer, errorBody(answer, ''))
}

const retiredAnswer = ({ since, successors }: Retirement): UpstreamAnswer => {
  const answer = errorAnswer.hopeless(
    `The service was retired on ${since}; its answer is permanent, whatever its text says. Use instead: ${successors}.`,
  )
  return own(answer, errorBody(answer, ''))
}
