/**
 * What a provider's answer means, and what of it is kept: any status, headers and body become one reason and an envelope; a
 * credential in any text is replaced, wherever it stands.
 */
import { Schema } from 'effect'
import { classifyAnswer } from '#domain/dialect/classify-answer.ts'
import { classifyAnthropicEvent } from '#domain/dialect/classify-anthropic.ts'
import { raiseError } from '#domain/dialect/openai/raise-error.ts'
import { redactAnswer } from '#domain/dialect/redact-stream.ts'
import { clientRecovers, refusedFeatures } from '#domain/dialect/refused-features.ts'
import { FailureReason } from '#domain/failure.ts'
import { CREDENTIAL_FORMS, redact } from '#domain/redaction.ts'
import { CREDENTIALS } from '#test/credentials.ts'
import { answers, anthropicStreams, JSON_WORDS } from '../corpus.ts'
import type { Dice } from '../dice.ts'
import { mutate, mutateJson } from '../mutate.ts'
import { firstOf, pure, type Target } from '../target.ts'

const AT = 1_800_000_000_000
const isReason = Schema.is(FailureReason)

const WORDS = [
  ...JSON_WORDS,
  ...[
    'prompt is too long: 1 tokens > 2 maximum',
    '"error":',
    '"message":"{\\"error\\":',
    '"code":429',
    'rate_limit_error',
  ],
  ...[
    'Unexpected value(s) `a` for the `anthropic-beta` header',
    'messages.0.content.0.x: Extra inputs are not permitted',
  ],
  ...['Unexpected value(s) `', '`, `'.repeat(200), 'maximum context length is 100 tokens. However, you requested 200'],
  ...[
    ' '.repeat(2_000),
    'a'.repeat(2_000),
    '('.repeat(500),
    'x.x.x.x.'.repeat(200),
    '0'.repeat(500),
    '<html>',
    'sk-abcd',
  ],
]
const HEADERS = [
  ...[
    ['retry-after', '5'],
    ['retry-after', 'x'],
    ['retry-after-ms', '1e400'],
    ['sunset', 'Sat, 31 Dec 2050 23:59:59 GMT'],
  ],
  ...[
    ['x-ratelimit-remaining', '0'],
    ['x-ratelimit-reset', 'Infinity'],
    ['x-should-retry', 'false'],
    ['server', 'cloudflare'],
  ],
] as unknown as readonly (readonly [string, string])[]
const STATUSES = [
  ...[200, 201, 204, 299, 300, 302, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 422, 424, 425],
]
STATUSES.push(...[426, 429, 431, 451, 498, 499, 500, 501, 502, 503, 504, 520, 524, 529, 530, 599, 600, 999])

const bodyOf = (draws: Dice): string => {
  const body = draws.pick(answers)
  if (draws.chance(0.5)) return mutate(draws, body, WORDS, answers).toString()
  return JSON.stringify(mutateJson(draws, JSON.parse(body.toString()))) ?? ''
}

const classified = pure('refusals', 10, (draws) => {
  const body = bodyOf(draws)
  const status = draws.pick(STATUSES)
  const headers = Array.from({ length: draws.below(4) }, () => draws.pick(HEADERS))
  const whose = draws.pick(['client', 'gateway'] as const)
  const answer = classifyAnswer(status, headers, body, AT, whose)
  const raised = answer?.raised
  raiseError(status, headers, body, AT, whose)
  refusedFeatures(draws.pick([400, 422]), body)
  clientRecovers(400, body)
  const event = classifyAnthropicEvent(body, whose)
  return firstOf(
    [!isReason(JSON.parse(JSON.stringify(event))), `no reason: ${JSON.stringify(event)}`],
    [status >= 300 && answer === undefined, `${status} is a success`],
    [answer !== undefined && !isReason(JSON.parse(JSON.stringify(answer.reason))), JSON.stringify(answer?.reason)],
    [raised !== undefined && !isEnvelope(raised.body), `no envelope: ${raised?.body.slice(0, 300)}`],
    [raised !== undefined && !(raised.status >= 400 && raised.status <= 599), `raised as ${raised?.status}`],
    [raised !== undefined && raised.body.length > body.length + 2_000, 'it has grown'],
  )
})

const isEnvelope = (body: string): boolean => {
  const parsed = JSON.parse(body) as { readonly type?: unknown; readonly error?: { readonly type?: unknown } }
  return parsed.type === 'error' && typeof parsed.error?.type === 'string'
}

const PROSE = [
  'the key is ',
  '\n',
  '"',
  ' ',
  '{"a":"',
  'Bearer ',
  'password: ',
  'sk-',
  '-----BEGIN ',
  'é',
  '=',
  'eyJ',
  'x'.repeat(3_000),
]

const redaction = pure('redaction', 5, (draws) => {
  const [, before, secret] = draws.pick(CREDENTIALS)
  const noise = (): string => mutate(draws, Buffer.from(draws.pick(PROSE)), PROSE).toString()
  const text = `${noise()}\n ${before}${secret} \n${noise()}`
  const { text: kept, found } = redact(text, CREDENTIAL_FORMS)
  return firstOf(
    [kept.includes(secret), 'a credential is left'],
    [found < 1, 'nothing was found'],
    [kept.length > text.length + 20 * found, 'it has grown'],
    [redact(kept, CREDENTIAL_FORMS).text !== kept, 'redacting twice is not redacting once'],
  )
})

/** A credential that the model writes in pieces of any size. */
const streamed = pure('redacted-streams', 4, (draws) => {
  const [, before, secret] = draws.pick(CREDENTIALS)
  const said = `I found ${before}${secret} in the file`
  const pieces: string[] = []
  for (let from = 0; from < said.length; ) {
    const size = 1 + draws.below(12)
    pieces.push(said.slice(from, from + size))
    from += size
  }
  // A block that the damaged stream does not have.
  const index = 7
  const deltas = pieces.map((text) => {
    const data = { type: 'content_block_delta', index, delta: { type: 'text_delta', text } }
    return `event: content_block_delta\ndata: ${JSON.stringify(data)}\n\n`
  })
  const damaged = mutate(draws, draws.pick(anthropicStreams), WORDS).toString()
  const { text } = redactAnswer(`${draws.chance(0.5) ? damaged : ''}\n\n${deltas.join('')}`, CREDENTIAL_FORMS)
  const spoken = [...text.matchAll(/^data: (\{"type":"content_block_delta","index":7,.*"text_delta".*\})$/gm)]
    .map(([, json = '']) => (JSON.parse(json) as { readonly delta: { readonly text: string } }).delta.text)
    .join('')
  return firstOf(
    [spoken.includes(secret), 'a credential is left'],
    [text.includes(secret), 'a credential is left whole'],
  )
})

export const answerTargets: readonly Target[] = [classified, redaction, streamed]
