/**
 * The OpenAPI document: valid, complete, and true of what the box answers. The reference page shows all of it and loads nothing.
 */
import { describe, expect, it } from '@effect/vitest'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { Effect } from 'effect'
import { adminApi } from '#http/admin/api.ts'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { header, send } from '../../e2e/http-client.ts'

interface Operation {
  readonly operationId: string
  readonly description?: string
  readonly security: readonly object[]
  readonly responses: {
    readonly [status: string]: { readonly content?: { readonly [type: string]: { readonly schema: object } } }
  }
}
interface Document {
  readonly openapi: string
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } }
  readonly components: { readonly schemas: { readonly [name: string]: object }; readonly securitySchemes: object }
}

const start = Effect.gen(function* () {
  const { alpha } = yield* startProviders({ alpha: {} })
  const box = yield* startBox({
    admin: { config: () => ({ server: { port: 0 } }) },
    operator: true,
    budgets: [{ name: 'daily', period: 'day', limitNanoUsd: 1_000_000_000, hard: { strategy: 'cost' } }],
    providers: { alpha: { url: alpha.url, policy: { maxInputTokens: 100_000 } } },
  })
  const document = (yield* ask(box, '/admin/openapi.json', { token: null })).body as Document
  return { box, document }
})

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
  )

describe('the OpenAPI document', () => {
  it.live('covers every endpoint, each described and for token holders only', () =>
    Effect.gen(function* () {
      const { box, document } = yield* start
      expect(document.openapi).toBe('3.1.0')
      const endpoints = Object.values(adminApi.groups).flatMap((group) =>
        Object.values(group.endpoints).map(
          ({ method, path }) => `${method} ${path.replace(/\/$/, '').replaceAll(/:(\w+)/g, '{$1}')}`,
        ),
      )
      const operations = operationsOf(document)
      expect(operations.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(endpoints.toSorted())
      expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
      expect(document.components.securitySchemes).toMatchObject({ token: { type: 'http', scheme: 'Bearer' } })
      for (const { path, method, description, security, responses } of operations) {
        expect(description).toMatch(/\.$/)
        expect(security).toEqual([{ token: [] }])
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '401', '403', '429']))
        const call = { method, token: null, ...(method === 'GET' ? {} : { json: {} }) }
        expect((yield* ask(box, path.replaceAll(/\{\w+\}/g, 'alpha'), call)).status).toBe(401)
      }
    }),
  )

  it.live('is true: what the box answers fits its schemas', () =>
    Effect.gen(function* () {
      const { box, document } = yield* start
      const sent = yield* send(box.port, {
        headers: [
          ['content-type', 'application/json'],
          ['x-claude-code-session-id', 'session-of-the-test'],
        ],
        body: callBody(),
      })
      box.ledger.record(
        {
          ...{ _tag: 'AlertRaised', alertId: 'costSpike', kind: 'costSpike', subject: '', severity: 'warning' },
          ...{ value: 4, threshold: 3 },
        },
        Date.now(),
      )
      yield* box.ledger.committed
      const ajv = new Ajv2020({ strict: false })
      ajv.addSchema({ $id: 'admin', components: document.components })
      const fits = (path: string, method: string, status: number, body: unknown): void => {
        const schema =
          document.paths[path]?.[method.toLowerCase()]?.responses[status]?.content?.['application/json']?.schema
        expect(schema, `${method} ${path} ${status}`).toBeDefined()
        const text = JSON.stringify(schema).replaceAll('"#/components', '"admin#/components')
        const validate = ajv.compile(JSON.parse(text))
        expect(validate(body) ? [] : validate.errors, `${method} ${path} ${status}`).toEqual([])
      }
      const id = header(sent, 'x-signalbox-request-id')
      const at = (yield* box.events).at(-1)?.occurredAt
      const calls: readonly (readonly [path: string, asked: string, method: string, json?: object])[] = [
        ['/admin/providers', '/admin/providers', 'GET'],
        ['/admin/providers/{id}', '/admin/providers/alpha', 'GET'],
        ['/admin/providers/{id}', '/admin/providers/none', 'GET'],
        ['/admin/providers/{id}/drain', '/admin/providers/alpha/drain', 'POST', {}],
        ['/admin/routing', '/admin/routing', 'GET'],
        ['/admin/routing', '/admin/routing', 'PUT', { strategy: 'none' }],
        ['/admin/routing/shadow', '/admin/routing/shadow', 'GET'],
        ['/admin/routing', '/admin/routing', 'PUT', { shadow: { strategy: 'cost', weights: { cost: 1 } } }],
        ['/admin/route', '/admin/route', 'POST', callBody()],
        ['/admin/routing/shadow', '/admin/routing/shadow', 'GET'],
        ['/admin/requests', '/admin/requests', 'GET'],
        ['/admin/requests/{id}', `/admin/requests/${id}`, 'GET'],
        ['/admin/requests/{id}/capture', `/admin/requests/${id}/capture`, 'GET'],
        ['/admin/sessions/{id}', '/admin/sessions/session-of-the-test', 'GET'],
        ['/admin/sessions/{id}', '/admin/sessions/nobody', 'GET'],
        ['/admin/costs', '/admin/costs?by=day,provider', 'GET'],
        ['/admin/costs', '/admin/costs?by=colour', 'GET'],
        ['/admin/budgets', '/admin/budgets', 'GET'],
        ['/admin/budgets/{name}', '/admin/budgets/monthly', 'PUT', { period: 'month', limitNanoUsd: 1_000 }],
        ['/admin/overrides', '/admin/overrides', 'GET'],
        ['/admin/overrides/{path}', '/admin/overrides/budgets.monthly', 'DELETE', {}],
        ['/admin/budgets/{name}', '/admin/budgets/daily', 'DELETE', {}],
        ['/admin/budgets/{name}', '/admin/budgets/daily', 'DELETE', {}],
        ['/admin/alerts', '/admin/alerts', 'GET'],
        ['/admin/alerts/silence', '/admin/alerts/silence', 'POST', { kind: 'budget', forMs: 60_000 }],
        ['/admin/events', '/admin/events', 'GET'],
        ['/admin/events', '/admin/events?limit=0', 'GET'],
        ['/admin/state', '/admin/state', 'GET'],
        ['/admin/state', `/admin/state?at=${at}`, 'GET'],
        ['/admin/keys', '/admin/keys', 'GET'],
        ['/admin/keys', '/admin/keys', 'POST', { name: 'ci' }],
        ['/admin/keys/{id}', '/admin/keys/key_none', 'DELETE', {}],
        ['/admin/stats', '/admin/stats', 'GET'],
        ['/admin/config', '/admin/config', 'GET'],
      ]
      for (const [path, asked, method, json] of calls) {
        const { status, body } = yield* ask(box, asked, { method, json })
        fits(path, method, status, body)
      }
    }),
  )
})

describe('the reference', () => {
  it.live('shows every endpoint and schema on a page that loads and runs nothing', () =>
    Effect.gen(function* () {
      const { box, document } = yield* start
      const { text, headers } = yield* ask(box, '/admin/docs', { token: null })
      for (const { method, path } of operationsOf(document)) expect(text).toContain(`${method} ${path}</h3>`)
      for (const name of Object.keys(document.components.schemas)) expect(text).toContain(`id="schema-${name}"`)
      for (const [, id] of text.matchAll(/href="#([^"]+)"/g)) expect(text).toContain(`id="${id}"`)
      expect(text).not.toMatch(/<script|<link|<img|\ssrc=|\son\w+=|https?:\/\//)
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]+=*';/)
    }),
  )
})
