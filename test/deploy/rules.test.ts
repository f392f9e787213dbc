/**
 * The alert rules, by Prometheus' own tests: each fires when it should and is silent when it should be.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { byPromtool, hasPromtool, isPromtoolRequired, promtool } from '#test/promtool.ts'

const folder = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url))
const read = (path: string) => parse(readFileSync(`${folder}${path}`, 'utf8'))

interface Rule {
  readonly alert?: string
  readonly labels?: { readonly severity: string }
  readonly annotations?: { readonly summary: string; readonly runbook: string }
}
interface Case {
  readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[]
}

const alerts = (read('rules/signalbox.yml').groups as readonly { readonly rules: readonly Rule[] }[])
  .flatMap(({ rules }) => rules)
  .filter(({ alert }) => alert !== undefined)
const files = readdirSync(`${folder}tests`)
const cases = files
  .flatMap((file) => read(`tests/${file}`).tests as readonly Case[])
  .flatMap(({ alert_rule_test = [] }) => alert_rule_test)

describe('promtool', () => {
  it('is there where it must be', () => {
    expect(hasPromtool || !isPromtoolRequired).toBe(true)
  })
})

describe.skipIf(!hasPromtool)(byPromtool('the rules'), () => {
  it('are what Prometheus reads, and so is the configuration', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'], { cwd: folder })).toMatchObject({ status: 0 })
    expect(promtool(['check', 'rules', 'rules/signalbox.yml'], { cwd: folder })).toMatchObject({ status: 0 })
  })

  it.each(files)('do what the tests in %s say', (file) => {
    const { status, output } = promtool(['test', 'rules', `tests/${file}`], { cwd: folder })
    expect(status, output).toBe(0)
  })
})

describe.each(alerts)('the alert $alert', ({ alert = '', labels, annotations }) => {
  it('has a test in which it fires and one in which it does not', () => {
    const own = cases.filter(({ alertname }) => alertname === alert)
    expect(own.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true)
    expect(own.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true)
  })

  it('says what is wrong, how bad it is, and where to read what to do', () => {
    expect(['info', 'warning', 'critical']).toContain(labels?.severity)
    expect(annotations?.summary.length).toBeGreaterThan(10)
    expect(annotations?.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`)
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    expect(page.split('\n')).toContain(`### ${alert}`)
  })
})
