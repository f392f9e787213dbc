/** docs/alerts.md describes what webhooks are really sent, and every kind that there is. */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UNITS } from '#domain/alerts/sentence.ts'
import { ALERT_KINDS } from '#domain/policy.ts'
import type { AlertNews } from '#domain/projections/alerts.ts'
import { jsonBody } from '#infra/alerts/message-body.ts'

const page = readFileSync(new URL('../../docs/alerts.md', import.meta.url), 'utf8')
const [example, schema] = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text = '']) => JSON.parse(text))
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })

const news: fc.Arbitrary<AlertNews> = fc.record({
  alertId: fc.string(),
  kind: fc.constantFrom(...ALERT_KINDS),
  subject: fc.string(),
  severity: fc.constantFrom('info', 'warning', 'critical'),
  value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  threshold: fc.double({ noNaN: true, noDefaultInfinity: true }),
  raisedAt: fc.nat(2_000_000_000_000),
  change: fc.constantFrom('raised', 'cleared'),
  at: fc.nat(2_000_000_000_000),
})

/** The schema, made as strict as the page: nothing but what it describes. */
const strict = (part: Record<string, unknown>): Record<string, unknown> => ({
  ...part,
  ...(part.type === 'object' ? { additionalProperties: false } : {}),
  ...('properties' in part
    ? {
        properties: Object.fromEntries(
          Object.entries(part.properties as Record<string, Record<string, unknown>>).map(([name, inner]) => [
            name,
            strict(inner),
          ]),
        ),
      }
    : {}),
  ...(part.items === undefined ? {} : { items: strict(part.items as Record<string, unknown>) }),
})

describe('the page of the alerts', () => {
  it('has a schema that every message keeps to, and that describes every member', () => {
    const isValid = ajv.compile(strict(schema))
    fc.assert(
      fc.property(fc.array(news, { minLength: 1, maxLength: 20 }), (all) => {
        expect(isValid(JSON.parse(jsonBody({ _tag: 'News', news: all }))), ajv.errorsText(isValid.errors)).toBe(true)
      }),
    )
    expect(isValid(JSON.parse(jsonBody({ _tag: 'Test' })))).toBe(true)
    expect(isValid(example)).toBe(true)
  })

  it('has an example that is what would be sent', () => {
    const [alert] = example.alerts
    const { id: alertId, at, raisedAt, unit: _, text: __, ...rest } = alert
    const one: AlertNews = { ...rest, alertId, at: Date.parse(at), raisedAt: Date.parse(raisedAt) }
    expect(JSON.parse(jsonBody({ _tag: 'News', news: [one] }))).toEqual(example)
  })

  it.each(ALERT_KINDS)('tells of %s when it is raised and in which unit', (kind) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${kind}\` |`))
    const unit = row?.split('|')[4]?.trim()
    expect(unit?.startsWith(UNITS[kind])).toBe(true)
  })
})
