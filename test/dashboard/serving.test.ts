/**
 * How the dashboard's files are served: to browsers only, under a strict policy, from memory.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { DASHBOARD_POLICY } from '#http/dashboard.ts'
import { startBox } from '#test/server.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const PAGE = '<!doctype html><title>dashboard</title>'

/** A build as small as can be, and a box that serves it. */
const served = Effect.gen(function* () {
  const folder = yield* scratchFolder
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), PAGE)
  writeFileSync(join(folder, 'assets', 'index-abc.js'), 'export {}')
  writeFileSync(join(folder, 'secret.txt'), 'not for anybody')
  const box = yield* startBox({ server: { dashboard: folder } })
  return { folder, get: getter(box.url) }
})

const getter =
  (url: string) =>
  (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
    Effect.promise(async () => {
      const response = await fetch(`${url}${path}`, { headers, method })
      return { status: response.status, headers: response.headers, text: await response.text() }
    })

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

describe('the start page', () => {
  it.live('is the dashboard for a browser, asked for anew each time, and lets nothing in from elsewhere', () =>
    Effect.gen(function* () {
      const { get } = yield* served
      const page = yield* get('/', BROWSER)
      expect([page.status, page.text]).toEqual([200, PAGE])
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(page.headers.get('content-security-policy')).toBe(DASHBOARD_POLICY)
      expect(page.headers.get('x-content-type-options')).toBe('nosniff')
      expect(page.headers.get('referrer-policy')).toBe('no-referrer')
      expect(page.headers.get('cache-control')).toBe('no-cache')
      expect(DASHBOARD_POLICY).not.toContain('unsafe')
    }),
  )

  it.live('is plain text for curl and for whoever does not take HTML', () =>
    Effect.gen(function* () {
      const { get } = yield* served
      for (const accept of ['*/*', 'text/plain', 'application/json']) {
        const page = yield* get('/', { accept })
        expect(page.text).toContain('export ANTHROPIC_BASE_URL')
        expect(page.headers.get('content-type')).toMatch(/^text\/plain/)
        expect(page.headers.get('vary')).toBe('accept')
      }
    }),
  )

  it.live('is plain text for everybody where no dashboard is built', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const box = yield* startBox({ server: { dashboard: join(folder, 'nowhere') } })
      const page = yield* getter(box.url)('/', BROWSER)
      expect(page.text).toContain('export ANTHROPIC_BASE_URL')
      expect((yield* getter(box.url)('/assets/index-abc.js')).status).toBe(404)
    }),
  )
})

describe('an asset', () => {
  it.live('is kept by browsers for good, and served from memory', () =>
    Effect.gen(function* () {
      const { folder, get } = yield* served
      rmSync(join(folder, 'assets'), { recursive: true })
      const asset = yield* get('/assets/index-abc.js')
      expect([asset.status, asset.text]).toEqual([200, 'export {}'])
      expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(asset.headers.get('x-content-type-options')).toBe('nosniff')
      expect((yield* get('/assets/index-abc.js?v=2')).status).toBe(200)
      expect((yield* get('/assets/index-abc.js', {}, 'POST')).status).toBe(405)
    }),
  )

  it.live('is one of the build, and no other file', () =>
    Effect.gen(function* () {
      const { get } = yield* served
      for (const path of [
        '/assets/none.js',
        '/assets/',
        '/assets/..%2fsecret.txt',
        '/assets/%2e%2e/secret.txt',
        '/secret.txt',
      ]) {
        const answer = yield* get(path)
        expect(answer.status, path).toBe(404)
        expect(answer.text).not.toContain('not for anybody')
      }
    }),
  )
})
