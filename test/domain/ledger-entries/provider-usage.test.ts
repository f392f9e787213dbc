import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCsv } from '#domain/ledger-entries/csv.ts'
import type { LedgerEntry } from '#domain/ledger-entries/entry.ts'
import { compareUsage, readProviderUsage, usageDifferenceText } from '#domain/ledger-entries/provider-usage.ts'
import { noUsage } from '#domain/usage.ts'

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`

describe('a table of text', () => {
  it('is read whatever its cells hold', () => {
    const table = fc
      .integer({ min: 2, max: 4 })
      .chain((width) =>
        fc.array(fc.array(fc.string({ maxLength: 8 }), { minLength: width, maxLength: width }), { maxLength: 5 }),
      )
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), (rows, end) => {
        const names = (rows[0] ?? ['a', 'b']).map((_, index) => `column ${index}`)
        const text = [names, ...rows].map((row) => row.map(quoted).join(',')).join(end)
        expect(parseCsv(text)).toEqual(rows.map((row) => Object.fromEntries(row.map((cell, i) => [names[i], cell]))))
      }),
    )
  })

  it('may have plain cells, a mark of its encoding, and empty lines', () => {
    expect(parseCsv('\uFEFFa,b\r\n1,\r\n\r\n"x, y",2\r\n')).toEqual([
      { a: '1', b: '' },
      { a: 'x, y', b: '2' },
    ])
  })
})

const NOON = Date.UTC(2026, 10, 23, 12)

const entry = (more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  startedAt: NOON,
  endedAt: NOON + 1_000,
  requestId: 'req_1',
  attempt: 1,
  seenRequestId: 'req_1',
  outcome: 'served',
  kind: 'main',
  provider: 'router',
  model: 'claude-sonnet-4-5-20250929',
  asked: 'claude-sonnet-4-5',
  usage: { ...noUsage, inputTokens: 100, cacheReadTokens: 900, outputTokens: 50 },
  costNanoUsd: 1_320_000,
  estimated: false,
  ...more,
})

const kinds = new Map([
  ['router', 'openrouter'],
  ['direct', 'anthropic'],
])

const activity = (prompt: number, cost: string): string =>
  [
    'generation_id,created_at,cost_total,tokens_prompt,tokens_completion,tokens_cached,model_permaslug,provider_name',
    `gen-1,2026-11-23 12:00:00.123,${cost},${prompt},50,900,anthropic/claude-4.5-sonnet-20250929,Anthropic`,
  ].join('\n')

const compared = (text: string, entries: readonly LedgerEntry[]) => {
  const usage = readProviderUsage(parseCsv(text))
  return usage === undefined ? undefined : compareUsage(usage, entries, kinds)
}

describe("OpenRouter's activity", () => {
  it('agrees with the ledger by day and model, whatever the spelling', () => {
    expect(compared(activity(1_000, '0.00132'), [entry(), entry({ provider: 'direct' })])).toEqual([])
  })

  it('differs where the provider served more than we know of', () => {
    const [difference, ...others] = compared(activity(1_500, '0.002'), [entry()]) ?? []
    expect(others).toEqual([])
    expect(difference).toMatchObject({
      day: '2026-11-23',
      model: 'claude-sonnet-4-5',
      figures: [
        { figure: 'promptTokens', ours: 1_000, theirs: 1_500 },
        { figure: 'costUsd', ours: 0.00132, theirs: 0.002 },
      ],
    })
    expect(difference && usageDifferenceText(difference)).toContain('something else uses the account')
  })

  it('differs where a stream broke off and only an estimate is here', () => {
    const broken = entry({ requestId: 'req_2', outcome: 'failed', estimated: true })
    const [difference] = compared(activity(1_000, '0.00132'), [entry(), broken]) ?? []
    expect(difference && usageDifferenceText(difference)).toContain('estimate of streams that broke off')
  })

  it('says nothing of days that it does not have', () => {
    expect(compared(activity(1_000, '0.00132'), [entry(), entry({ startedAt: NOON + 86_400_000 })])).toEqual([])
  })

  it('is read from the rows of the API too', () => {
    const rows = [
      {
        date: '2026-11-23',
        model: 'anthropic/claude-sonnet-4.5',
        model_permaslug: 'anthropic/claude-4.5-sonnet-20250929',
        usage: 0.00132,
        prompt_tokens: 1_000,
        completion_tokens: 50,
      },
    ]
    const usage = readProviderUsage(rows)
    expect(usage && compareUsage(usage, [entry()], kinds)).toEqual([])
  })
})
