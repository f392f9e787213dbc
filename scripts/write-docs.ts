/**
 * Writes the documentation that is generated from the code. A test fails while a file is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { configurationJsonSchema } from '#infra/config/json-schema.ts'
import { configurationMarkdown } from '#infra/config/markdown.ts'
import { withGenerated } from '#infra/config/upstreams-markdown.ts'
import { withScenarioKeys } from '#infra/simulator/scenario/markdown.ts'
import { scenarioJsonSchema } from '#infra/simulator/scenario/schema.ts'
import { logLineJsonSchema } from '#infra/telemetry/log-line.ts'
import { withLineFields } from '#infra/telemetry/log-line-markdown.ts'
import { withMetrics } from '#infra/telemetry/metrics/markdown.ts'

/** The rules in the form of the Prometheus Operator, which reads no files. */
const prometheusRule = (rules: string): string =>
  `# Written by \`npm run docs\` from deploy/prometheus/rules/signalbox.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: signalbox
  labels: { app.kubernetes.io/name: signalbox }
spec:
${rules.replaceAll(/^(?=.)/gm, '  ')}`

const at = (path: string): URL => new URL(`../${path}`, import.meta.url)

/** Path in the repository → its content now. */
export const generatedDocs = (): Readonly<Record<string, string>> => ({
  'deploy/kubernetes/components/monitoring/prometheus-rule.yaml': prometheusRule(
    readFileSync(at('deploy/prometheus/rules/signalbox.yml'), 'utf8'),
  ),
  'docs/configuration.md': configurationMarkdown(readFileSync(at('signalbox.example.yaml'), 'utf8')),
  'docs/configuration.schema.json': configurationJsonSchema(),
  'docs/log-line.schema.json': logLineJsonSchema(),
  'docs/scenario.schema.json': scenarioJsonSchema(),
  'docs/logs.md': withLineFields(readFileSync(at('docs/logs.md'), 'utf8')),
  'docs/metrics.md': withMetrics(readFileSync(at('docs/metrics.md'), 'utf8')),
  'docs/simulate.md': withScenarioKeys(readFileSync(at('docs/simulate.md'), 'utf8')),
  'docs/upstreams.md': withGenerated(readFileSync(at('docs/upstreams.md'), 'utf8')),
})

if (import.meta.main) {
  for (const [path, content] of Object.entries(generatedDocs())) {
    writeFileSync(at(path), content)
    console.log(path)
  }
}
