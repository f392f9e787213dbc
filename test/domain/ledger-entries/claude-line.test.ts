import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claudeFile, claudeLine } from '#domain/ledger-entries/claude-line.ts'
import { addRecord, type ClaudeAnswers, readRecord } from '#domain/ledger-entries/claude-record.ts'
import { entryOf, type LedgerEntry, type OpenEntries } from '#domain/ledger-entries/entry.ts'
import { countsOf } from '#domain/ledger-entries/totals.ts'
import type { Occurred } from '#domain/projections/projection.ts'
import { histories } from '#test/generators.ts'

const entriesOf = (happened: readonly Occurred[]): readonly LedgerEntry[] => {
  const open: OpenEntries = new Map()
  return happened.flatMap((occurred) => entryOf(open, occurred) ?? [])
}

const entries = histories(20).map(entriesOf)

const holdsNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some(holdsNull))

describe('an entry as a line of Claude Code', () => {
  it('is read back with the same ids, counts and cost', () => {
    fc.assert(
      fc.property(entries, (all) => {
        for (const entry of all) {
          const record = readRecord(JSON.parse(JSON.stringify(claudeLine(entry, '1.2.3'))))
          expect(record).toEqual({
            at: entry.endedAt,
            messageId: expect.stringMatching(/^msg_/),
            requestId: entry.seenRequestId,
            sessionId: entry.sessionId ?? 'no-session',
            ...(entry.agentId === undefined ? {} : { agentId: entry.agentId }),
            model: entry.model,
            usage: countsOf(entry.usage),
            costNanoUsd: entry.costNanoUsd,
          })
        }
      }),
    )
  })

  it('has no null, and ids that no other line has', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const lines = all.map((entry) => claudeLine(entry, '1.2.3'))
        expect(lines.some(holdsNull)).toBe(false)
        expect(new Set(lines.map(({ message, requestId }) => `${message.id} ${requestId}`)).size).toBe(lines.length)
      }),
    )
  })

  it('lies in a file whose name leads nowhere else, whatever the client calls its session', () => {
    const names = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.constantFrom('..', '.', '', '../../etc/passwd', 'a/b', 'c:\\d', '\u0000', 'CON', 'né'),
    )
    fc.assert(
      fc.property(names, names, (project, sessionId) => {
        for (const part of claudeFile({ project, sessionId })) {
          expect(part).toMatch(/^[A-Za-z0-9-][A-Za-z0-9._-]*$/)
          expect(part.length).toBeLessThanOrEqual(255)
        }
      }),
    )
    expect(claudeFile({ sessionId: '7b0c6a52-3c0e-4f6e-9a51-0a8f3f9d1c77' })).toEqual([
      'signalbox',
      '7b0c6a52-3c0e-4f6e-9a51-0a8f3f9d1c77.jsonl',
    ])
  })
})

describe('what Claude Code wrote', () => {
  const line = (more: object = {}, usage: object = {}) => ({
    type: 'assistant',
    timestamp: '2026-11-25T18:49:49.378Z',
    sessionId: 's-1',
    requestId: 'req_1',
    message: { id: 'msg_1', model: 'claude-opus-5-5', usage: { input_tokens: 3, output_tokens: 1, ...usage } },
    ...more,
  })

  it.each([
    ['a prompt', { type: 'user', message: { role: 'user', content: 'assistant' } }],
    ["Claude Code's own words", line({ message: { id: 'm', model: '<synthetic>', usage: {} } })],
    ['an error', line({ isApiErrorMessage: true })],
    ['no time', line({ timestamp: 'yesterday' })],
    ['no JSON object', 7],
  ])('%s is no answer', (_, json) => {
    expect(readRecord(json)).toBeUndefined()
  })

  it('counts writes to the cache as short-lived ones where it does not say', () => {
    expect(readRecord(line({}, { cache_creation_input_tokens: 70 }))?.usage.cacheWrite5mTokens).toBe(70)
    const hour = { cache_creation_input_tokens: 70, cache_creation: { ephemeral_1h_input_tokens: 20 } }
    expect(readRecord(line({}, hour))?.usage).toMatchObject({ cacheWrite5mTokens: 50, cacheWrite1hTokens: 20 })
  })

  it('is one answer for all its lines, with the largest counts, and knows its files', () => {
    const answers: ClaudeAnswers = new Map()
    const add = (usage: object, file: string) => {
      const record = readRecord(line({}, usage))
      if (record !== undefined) addRecord(answers, record, file)
    }
    add({ output_tokens: 1 }, 'a.jsonl')
    add({ output_tokens: 42 }, 'a.jsonl')
    add({ output_tokens: 1 }, 'b.jsonl')
    expect([...answers.values()]).toMatchObject([{ usage: { outputTokens: 42 }, files: ['a.jsonl', 'b.jsonl'] }])
  })
})
