import { describe, expect, it } from '@effect/vitest'
import * as fc from 'fast-check'
import { openAiQuirks } from '#domain/dialect/openai/target.ts'
import type { Block } from '#infra/simulator/content.ts'
import { makeEngine } from '#infra/simulator/engine.ts'
import { SLOPPY_FLAGS } from '#infra/simulator/openai/sloppy.ts'
import { answer } from '#infra/simulator/script.ts'
import { chatBody } from '#test/simulator.ts'
import { accumulate, answerOptions, translate } from '../../../domain/dialect/openai/chat-story.ts'

/** Deviations of streams; the others are about errors and requests. */
const flags = SLOPPY_FLAGS.filter((flag) => !/Errors$|^errorIn|^noStreamOptions$|^maxTokensOnly$/.test(flag))
const blocks: readonly Block[] = [
  { type: 'thinking', thinking: 'Let me think about it.' },
  { type: 'text', text: 'Grüße, 😀 reading both.' },
  { type: 'tool_use', name: 'Read', input: { file_path: '/a/"b".ts', limit: 10 } },
  { type: 'tool_use', name: 'Glob', input: { pattern: '**/*.ts' } },
]

const streamOf = (names: readonly string[], charactersPerDelta: number): Buffer => {
  const sloppy = Object.fromEntries(names.map((name) => [name, name === 'reasoningContent' ? 'reasoning' : true]))
  const script = [answer(blocks, { pace: { charactersPerDelta } })]
  const engine = makeEngine({ id: 'sim', wire: 'openai', sloppy, script })
  const body = Buffer.from(JSON.stringify(chatBody({ stream: true, stream_options: { include_usage: true } })))
  const plan = engine.respond({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: [],
    body,
    requestId: 'req_1',
    at: 1,
  })
  return Buffer.concat(plan.pieces.map(({ bytes }) => bytes))
}

describe('our translation of a simulated chat stream', () => {
  it('is the message that was simulated, whatever deviations come together and however the text is cut', () => {
    expect(flags.length).toBeGreaterThan(15)
    fc.assert(
      fc.property(fc.subarray(flags), fc.integer({ min: 1, max: 40 }), (names, charactersPerDelta) => {
        const options = answerOptions({ quirks: { ...openAiQuirks, thinkTags: true } })
        const { frames, broken } = translate(streamOf(names, charactersPerDelta), options)
        const { content, ended } = accumulate(frames)
        expect({ broken, ended }).toEqual({ broken: undefined, ended: true })
        const thinks = names.includes('reasoningContent') || names.includes('thinkTags')
        const wanted = thinks ? blocks : blocks.slice(1)
        expect(content.map(({ type }) => type)).toEqual(wanted.map(({ type }) => type))
        expect(content).toMatchObject(wanted)
      }),
    )
  })
})
