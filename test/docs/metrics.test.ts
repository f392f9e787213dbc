/**
 * docs/metrics.md explains what the code has; its generated part is compared with the others' (test/infra/config/docs.test.ts).
 * And the names are those that Prometheus' conventions want.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { GEN_AI_METRICS, GEN_AI_PROVIDERS, genAiUsage } from '#infra/telemetry/gen-ai-names.ts'
import { FAMILIES } from '#infra/telemetry/metrics/families.ts'
import { withMetrics } from '#infra/telemetry/metrics/markdown.ts'
import { KINDS, PRESETS } from '#infra/upstream/presets/index.ts'

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')

describe('docs/metrics.md', () => {
  it('has a row for every metric, with its labels, its unit and what it means', () => {
    for (const { name, help } of FAMILIES)
      expect(page).toMatch(new RegExp(`^\\| \`${name}\` \\|.*\\| ${escaped(help)} \\|$`, 'm'))
    expect(page).toContain('| `signalbox_cost_usd_total` | counter | `provider`, `model`, `basis` | USD | ')
    expect(withMetrics(page)).toBe(page)
  })

  it('is found out of date when a row is missing or changed', () => {
    expect(withMetrics(page.replace(/^\| `signalbox_tokens_total.*\n/m, ''))).toBe(page)
    expect(page.replace('| gauge |', '| counter |')).not.toBe(page)
  })

  it('explains every label, and no other', () => {
    const section = page.split('\n## Labels\n')[1]?.split('\n## ')[0] ?? ''
    const told = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, label]) => label)
    expect(told.toSorted()).toEqual([...new Set(FAMILIES.flatMap(({ labels }) => labels))].toSorted())
  })
})

describe('the metrics', () => {
  it('are named by the conventions: what is counted ends in _total, and nothing else does', () => {
    for (const { name, type } of FAMILIES) {
      expect(name).toMatch(/^signalbox_[a-z0-9_]+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
    }
    expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length)
  })
})

describe('the names of OpenTelemetry', () => {
  it('are given to metrics, kinds and presets that there are', () => {
    const known = new Set<string>([...KINDS, ...Object.values(PRESETS).flatMap(({ named }) => Object.keys(named))])
    expect(Object.keys(GEN_AI_PROVIDERS).filter((name) => !known.has(name))).toEqual([])
    expect(FAMILIES.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(GEN_AI_METRICS)))
  })

  it('count the whole prompt as input', () => {
    const usage = { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWrite5mTokens: 4, cacheWrite1hTokens: 5 }
    expect(genAiUsage(usage)).toEqual({
      'gen_ai.usage.input_tokens': 13,
      'gen_ai.usage.output_tokens': 2,
      'gen_ai.usage.cache_read.input_tokens': 3,
      'gen_ai.usage.cache_creation.input_tokens': 9,
    })
  })
})

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
