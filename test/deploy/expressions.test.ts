/**
 * Every expression of the dashboards and of the rules asks for metrics and labels that /metrics really has.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { Effect } from 'effect'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { busyMetrics } from '#test/busy-metrics.ts'
import { samplesIn } from '#test/exposition.ts'
import { selectedIn } from '#test/promql.ts'

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
}
interface Panel {
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: { readonly uid: string }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
}
interface Dashboard {
  readonly id: null
  readonly uid: string
  readonly tags: readonly string[]
  readonly links: readonly { readonly tags: readonly string[] }[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[]
  }
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
  readonly panels: readonly Panel[]
}

const deploy = new URL('../../deploy/', import.meta.url)
const text = (path: string): string => readFileSync(new URL(path, deploy), 'utf8')

const { groups } = parse(text('prometheus/rules/signalbox.yml')) as { groups: readonly { rules: readonly Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const recorded = rules.flatMap(({ record }) => record ?? [])

const dashboards = readdirSync(new URL('grafana/dashboards/', deploy)).map(
  (file) => [file, JSON.parse(text(`grafana/dashboards/${file}`)) as Dashboard] as const,
)
const expressionsOf = ({ panels, annotations }: Dashboard): readonly string[] =>
  [...panels.flatMap(({ targets = [] }) => targets), ...annotations.list].map(({ expr }) => expr)

/** Metric → its labels. A target's own are Prometheus' work. */
const offered = new Map<string, Set<string>>([['up', new Set(['job', 'instance'])]])
const TARGET = ['job', 'instance']

beforeAll(async () => {
  for (const { name, labels } of samplesIn(await Effect.runPromise(busyMetrics))) {
    const known = offered.get(name) ?? new Set(TARGET)
    for (const label of Object.keys(labels)) known.add(label)
    offered.set(name, known)
  }
})

/** What an expression asks for in vain. */
const missing = (expression: string): readonly string[] =>
  selectedIn(expression).flatMap(({ metric, labels }) => {
    if (recorded.includes(metric)) return []
    const known = offered.get(metric)
    return known === undefined
      ? [metric]
      : labels.filter((label) => !known.has(label)).map((one) => `${metric}{${one}}`)
  })

describe('the expressions', () => {
  it.each(rules.map(({ record, alert, expr }) => [record ?? alert ?? '', expr] as const))(
    'of the rule %s ask for what there is',
    (_, expr) => {
      expect(missing(expr)).toEqual([])
      expect(selectedIn(expr).length).toBeGreaterThan(0)
    },
  )

  it.each(dashboards)('of the dashboard %s ask for what there is', (_, dashboard) => {
    expect(expressionsOf(dashboard).flatMap(missing)).toEqual([])
    expect(expressionsOf(dashboard).length).toBeGreaterThan(10)
    const queries = dashboard.templating.list.flatMap(({ query }) => (typeof query === 'string' ? [] : [query.query]))
    expect(queries.flatMap((query) => missing(query.replace(/,\s*\w+\)$/, ')')))).toEqual([])
    expect(queries.length).toBe(2)
  })

  it('would be found if they did not', () => {
    expect(missing('sum(rate(signalbox_requests_totl{outcome="a"}[5m])) by (model)')).toEqual([
      'signalbox_requests_totl',
    ])
    expect(missing('signalbox_requests_total{outcme=~"a,b=c"} > 0 and on (instance) up == 1')).toEqual([
      'signalbox_requests_total{outcme}',
    ])
    expect(
      missing('histogram_quantile(0.9, sum by (le) (rate(signalbox_queue_wait_seconds_bucket[$__rate_interval])))'),
    ).toEqual([])
  })
})

describe.each(dashboards)('the dashboard %s', (_, dashboard) => {
  const shown = dashboard.panels.filter(({ type }) => type !== 'row')

  it('can be provisioned anywhere: an id of its own, a data source of the viewer’s choice', () => {
    expect(dashboard.id).toBeNull()
    expect(dashboard.uid).toMatch(/^signalbox-\w+$/)
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'instance', 'provider'])
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own syntax
    for (const { datasource } of shown) expect(datasource?.uid).toBe('${datasource}')
  })

  it('says of every panel what it shows and in which unit', () => {
    for (const { title, description = '', fieldConfig } of shown) {
      expect(description.length, title).toBeGreaterThan(10)
      expect(fieldConfig?.defaults.unit, title).toBeDefined()
    }
  })

  it('leads to the others', () => {
    expect(dashboard.links.flatMap(({ tags }) => tags)).toEqual(['signalbox'])
    expect(dashboard.tags).toContain('signalbox')
  })
})
