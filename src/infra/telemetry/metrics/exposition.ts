/**
 * Metrics as Prometheus reads them, written by prom-client. Its own counters and histograms hold their values; ours follow from
 * the log, so they are handed over as what it asks of any metric: a name, and an answer to `get`.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { Distribution } from '#domain/distribution.ts'
import type { Family, Labels, Scene } from '#infra/telemetry/metrics/family.ts'

export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/** Measured better elsewhere, or named against the conventions (`promtool check metrics`). */
const LEFT_OUT = /^nodejs_(eventloop_lag_.*|active_.*_total)$/

/** What prom-client knows of every process of Node. */
export const processRegistry = (): Registry => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray()) if (LEFT_OUT.test(name)) registry.removeSingleMetric(name)
  return registry
}

/** @param beside metrics that prom-client holds itself */
export const expose = async (
  families: readonly Family[],
  scene: Scene,
  beside: readonly Registry[],
): Promise<Exposition> => {
  const registry = new Registry()
  for (const family of families) registry.registerMetric(asMetric(family, scene))
  const all = Registry.merge([registry, ...beside])
  return { contentType: all.contentType, text: await all.metrics() }
}

const asMetric = (family: Family, scene: Scene): Metric => {
  const { name, help, type } = family
  const values =
    family.type === 'histogram' ? family.distributions(scene).flatMap(buckets(family)) : family.samples(scene)
  const metric = { name, get: async () => ({ name, help, type, aggregator: 'sum', values }) }
  // A registry asks nothing else of a metric; its type says class, and calls the types of metrics numbers.
  return metric as unknown as Metric
}

const buckets =
  ({ name, boundsMs }: Extract<Family, { readonly type: 'histogram' }>) =>
  ([labels, { counts, sum }]: readonly [Labels, Distribution]) => {
    let below = 0
    const upTo = (le: number | string, count: number) => {
      below += count
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below }
    }
    return [
      ...boundsMs.map((bound, index) => upTo(bound / 1_000, counts[index] ?? 0)),
      upTo('+Inf', counts[boundsMs.length] ?? 0),
      { metricName: `${name}_sum`, labels, value: sum / 1_000 },
      { metricName: `${name}_count`, labels, value: below },
    ]
  }
