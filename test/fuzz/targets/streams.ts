/**
 * Event streams: cutting, fields, what is read of an Anthropic stream, and the translation of a chat stream. However the bytes
 * break, the same comes out; whatever a model says, it makes no frame.
 */
import { anthropicStream, readFrame } from '#domain/dialect/anthropic-stream.ts'
import { markFrame } from '#domain/dialect/foreign-thinking.ts'
import type { AnswerOptions } from '#domain/dialect/openai/answer-parts.ts'
import { collectMessage } from '#domain/dialect/openai/collect-message.ts'
import { chatStream, endChat, stepChat } from '#domain/dialect/openai/stream.ts'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import { redactAnswer } from '#domain/dialect/redact-stream.ts'
import { eventData, eventName } from '#domain/dialect/sse-fields.ts'
import { cutFrames, frameCutter } from '#domain/dialect/sse-frames.ts'
import { CREDENTIAL_FORMS } from '#domain/redaction.ts'
import { anthropicStreams, chatStreams, SSE_WORDS } from '../corpus.ts'
import type { Dice } from '../dice.ts'
import { chunked, mutate, mutateJson } from '../mutate.ts'
import { firstOf, pure, type Target } from '../target.ts'

const framesOf = (chunks: readonly Uint8Array[]) => {
  const cutter = frameCutter()
  const frames: Buffer[] = []
  for (const chunk of chunks) cutFrames(cutter, chunk, (frame) => frames.push(Buffer.from(frame)))
  return { frames, rest: Buffer.concat(cutter.pieces) }
}

const sameFrames = (a: ReturnType<typeof framesOf>, b: ReturnType<typeof framesOf>): boolean =>
  a.frames.length === b.frames.length &&
  a.frames.every((frame, n) => frame.equals(b.frames[n] as Buffer)) &&
  a.rest.equals(b.rest)

const anthropic = pure('anthropic-stream', 16, (draws) => {
  const bytes = mutate(draws, draws.pick(anthropicStreams), SSE_WORDS, chatStreams)
  const whole = framesOf([bytes])
  const pieces = framesOf(chunked(draws, bytes))
  const reading = anthropicStream()
  const kinds = whole.frames.map((frame) => readFrame(reading, frame))
  const names = whole.frames.map(eventName)
  const data = whole.frames.map(eventData)
  for (const frame of whole.frames) markFrame('p', frame)
  const { usage } = reading
  return firstOf(
    [!sameFrames(whole, pieces), 'other chunks give other frames'],
    [!Buffer.concat([...whole.frames, whole.rest]).equals(bytes), 'bytes are lost or doubled'],
    [names.some((name) => /[\r\n]/.test(name)), 'a name has a line end'],
    [data.some((text) => text.includes('\r')), 'a field has a carriage return'],
    [kinds.length !== whole.frames.length, 'a frame has no kind'],
    [usage !== undefined && !Object.values(usage).every(isSound), `unsound usage ${JSON.stringify(usage)}`],
  )
})

/** Counts are finite and not negative; what is no number has a schema of its own. */
const isSound = (count: unknown): boolean => typeof count !== 'number' || (Number.isFinite(count) && count >= 0)

const options = (draws: Dice): AnswerOptions => {
  let ids = 0
  return {
    quirks: draws.chance(0.5) ? openAiQuirks : { ...openAiQuirks, thinkTags: true, toolIds: 'alnum9' },
    names: { tools: new Map(), ids: new Map() },
    sign: (text) => `ours:${text.length}`,
    model: 'claude-opus-5-5',
    newId: () => String(++ids).padStart(24, 'A'),
    estimatedInputTokens: 777,
  }
}

const translated = (chunks: readonly Uint8Array[], answer: AnswerOptions) => {
  const stream = chatStream(answer)
  const out: string[] = []
  const cutter = frameCutter()
  for (const chunk of chunks) cutFrames(cutter, chunk, (frame) => void out.push(...stepChat(stream, frame)))
  const end = endChat(stream)
  if ('frames' in end) out.push(...end.frames)
  return { out, phase: stream.phase }
}

const FRAME = /^event: [a-z_]+\ndata: [^\n\r]+\n\n$/

/** What is wrong with frames that a client would get. */
const wrongFrames = (out: readonly string[], phase: string): string | undefined => {
  const names = out.map((frame) => eventName(Buffer.from(frame))).filter((name) => name !== 'ping')
  const stops = names.filter((name) => name === 'message_stop').length
  const starts = names.filter((name) => name === 'message_start').length
  return firstOf(
    [out.some((frame) => !FRAME.test(frame)), 'text has made a frame'],
    [out.some((frame) => framesOf([Buffer.from(frame)]).frames.length !== 1), 'a frame is several'],
    [starts > 1 || stops > 1, `${starts} starts, ${stops} stops`],
    [starts === 0 && names.some((name) => name !== 'error'), 'something before the start'],
    [stops === 1 && names.at(-1) !== 'message_stop', 'something behind the end'],
    [(stops === 1) !== (phase === 'ended'), `phase ${phase} with ${stops} stops`],
    [names.includes('error') !== (phase === 'failed'), `phase ${phase}, errors ${names.includes('error')}`],
  )
}

const chat = pure('chat-stream', 16, (draws) => {
  const bytes = mutate(draws, draws.pick(chatStreams), SSE_WORDS, anthropicStreams)
  const seed = options(draws)
  const again = { ...seed, newId: counted() }
  const whole = translated([bytes], { ...seed, newId: counted() })
  const pieces = translated(chunked(draws, bytes), again)
  if (JSON.stringify(whole) !== JSON.stringify(pieces)) return 'other chunks give another translation'
  collectMessage(whole.out)
  return wrongFrames(whole.out, whole.phase)
})

const counted = (): (() => string) => {
  let ids = 0
  return () => String(++ids).padStart(24, 'A')
}

/** Chunks whose JSON is whole, but says anything. */
const chatValues = pure('chat-chunks', 10, (draws) => {
  const chunks = parsedChunks.map((chunk) => (draws.chance(0.4) ? mutateJson(draws, chunk) : chunk))
  const text = `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`
  const { out, phase } = translated([Buffer.from(text)], options(draws))
  return (
    wrongFrames(out, phase) ??
    firstOf([out.join('').length > 40 * text.length + 20_000, `${out.join('').length} characters of ${text.length}`])
  )
})

const parsedChunks: readonly unknown[] = chatStreams
  .flatMap((stream) => stream.toString().match(/^data: \{.*\}$/gm) ?? [])
  .slice(0, 24)
  .map((line) => JSON.parse(line.slice('data: '.length)))

/** A model that writes frames into its text, whichever way the text comes. */
const forged = pure('forged-frames', 6, (draws) => {
  const evil = Array.from({ length: 1 + draws.below(6) }, () => draws.pick(SSE_WORDS)).join('')
  const field = draws.pick(['content', 'reasoning_content', 'refusal'])
  const deltas = [{ role: 'assistant' }, { [field]: `a${evil}b` }, { tool_calls: [callOf(evil)] }]
  const chunks = deltas.map((delta) => ({ id: evil, choices: [{ index: 0, delta, finish_reason: null }] }))
  const last = { id: 'x', choices: [{ index: 0, delta: {}, finish_reason: draws.pick(['stop', 'tool_calls']) }] }
  const text = [...chunks, last].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')
  const { out, phase } = translated([Buffer.from(text)], options(draws))
  const redacted = redactAnswer(out.join(''), CREDENTIAL_FORMS).text
  return (
    wrongFrames(out, phase) ??
    firstOf(
      [phase !== 'ended', `the answer is ${phase}`],
      [framesOf([Buffer.from(redacted)]).frames.length !== out.length, 'redaction has made a frame'],
    )
  )
})

const callOf = (evil: string) => ({
  index: 0,
  id: evil,
  type: 'function',
  function: { name: `n${evil}`, arguments: JSON.stringify({ a: evil }) },
})

export const streamTargets: readonly Target[] = [anthropic, chat, chatValues, forged]
