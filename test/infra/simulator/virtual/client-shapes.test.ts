/**
 * The sizes of virtual traffic are those of the recorded client.
 */
import { describe, expect, it } from 'vitest'
import { BODY_BYTES, GROWTH_BYTES, MAX_TOKENS, TOOLS } from '#infra/simulator/virtual/client-shapes.ts'
import { callsOf, conversationsOf, makeTraffic } from '#infra/simulator/virtual/traffic.ts'
import { loadCaptures } from '#test/captures.ts'

const captures = loadCaptures()

interface Body {
  readonly max_tokens: number
  readonly messages: readonly object[]
  readonly tools: readonly object[]
}

const recorded = (capture: string, n: number): Body & { readonly bytes: number } => {
  const exchange = captures.find(({ name }) => name === capture)?.exchanges.find((one) => one.n === n)
  if (exchange === undefined) throw new Error(`no exchange ${n} in ${capture}`)
  return { ...(JSON.parse(exchange.body.toString()) as Body), bytes: exchange.body.length }
}

describe('the shapes of the client', () => {
  it.each([
    ['firstTurn', 'flow-simple-text', 1, TOOLS.main],
    ['interactiveTurn', 'tui-quiet', 1, TOOLS.interactive],
    ['agentTurn', 'flow-subagent', 2, TOOLS.agent],
    ['webSearch', 'flow-web-search', 2, TOOLS.webSearch],
    ['afterCompaction', 'flow-compact', 3, TOOLS.main],
  ] as const)('has the recorded bytes and tools of %s', (name, capture, n, tools) => {
    const body = recorded(capture, n)
    expect(BODY_BYTES[name]).toBe(body.bytes)
    expect(body.tools).toHaveLength(tools)
    expect(body.max_tokens).toBe(MAX_TOKENS)
  })

  it('grows by step as the recorded loops do', () => {
    const steps = [
      recorded('flow-edit-loop', 5).bytes - recorded('flow-edit-loop', 4).bytes,
      recorded('flow-bash-loop', 3).bytes - recorded('flow-bash-loop', 2).bytes,
      recorded('flow-long-loop', 2).bytes - recorded('flow-long-loop', 1).bytes,
      (recorded('flow-long-loop', 41).bytes - recorded('flow-long-loop', 12).bytes) / 29,
    ]
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(GROWTH_BYTES.least)
    expect(Math.max(...steps)).toBeLessThanOrEqual(GROWTH_BYTES.most)
  })

  it('asks for a summary with the recorded prompt on top', () => {
    expect(recorded('flow-compact', 2).bytes - recorded('flow-compact', 1).bytes).toBe(BODY_BYTES.compaction)
  })
})

describe('traffic', () => {
  const options = { users: 4, forMs: 6 * 3_600_000, startsAt: 0, tokensPerByte: 0.25, tokensVary: true }
  const sessions = makeTraffic(7, options)

  it('is the same for the same seed, and another for another', () => {
    expect(makeTraffic(7, options)).toEqual(sessions)
    expect(makeTraffic(8, options)).not.toEqual(sessions)
  })

  it('names every call once', () => {
    const keys = sessions.flatMap(callsOf).map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.length).toBeGreaterThan(500)
  })

  it('has conversations that only grow until they are compacted', () => {
    for (const conversation of sessions.flatMap(conversationsOf)) {
      for (const [index, { call }] of conversation.entries()) {
        const before = conversation[index - 1]?.call
        if (before === undefined) continue
        const isCompacted = call.messages < before.messages
        expect(isCompacted ? call.bodyBytes < before.bodyBytes : call.promptTokens > before.promptTokens).toBe(true)
      }
    }
  })

  it('has agents, background calls and pauses that outlive a cache', () => {
    const calls = sessions.flatMap(callsOf)
    expect(calls.some(({ agent }) => agent !== null)).toBe(true)
    expect(calls.some(({ isCached }) => !isCached)).toBe(true)
    expect(sessions.some(({ prompts }) => prompts.some(({ afterMs }) => afterMs > 300_000))).toBe(true)
  })
})
