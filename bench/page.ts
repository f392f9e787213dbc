/**
 * One open page of the dashboard, as far as the box sees it: the live connection, and beside it the questions of all views at
 * once, asked again as src/dashboard/live.ts and use-answer.ts do. A real page shows one view and asks less.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'

export interface OpenPage {
  /** Answers that came, and bytes of them and of the live events, so far. */
  readonly seen: () => { readonly answers: number; readonly bytes: number }
  readonly close: () => Promise<void>
}

/** How soon after an event it asks again; see REFRESH_MS and SLOW_REFRESH_MS of live.ts. */
const REFRESH_MS = 1_000
const SLOW_REFRESH_MS = 5_000
/** What a browser opens to one server. */
const CONNECTIONS = 6

const QUICK = ['/admin/state', '/admin/requests']
const slow = (): readonly string[] => {
  const from = new Date(Date.now() - 6 * 86_400_000).toISOString().slice(0, 10)
  return [`/admin/costs?by=day&by=provider&from=${from}`, `/admin/costs?by=provider&from=${from}`, '/admin/alerts']
}
/** What useRecent asks for when it opens. */
const ONCE = ['AttemptSucceeded', 'RouteChosen'].map((type) => `/admin/events?type=${type}&limit=500`)

export const openPage = (url: string, token: string): OpenPage => {
  const pool = new Pool(url, { connections: CONNECTIONS })
  const left = new AbortController()
  const headers = { authorization: `Bearer ${token}` }
  let answers = 0
  let bytes = 0
  /** Events that came since the last time it asked. */
  const news = { quick: true, slow: true }

  const ask = async (path: string): Promise<void> => {
    const { statusCode, body } = await pool.request({ path, method: 'GET', headers, signal: left.signal })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}: ${text.slice(0, 200)}`)
    answers += 1
    bytes += text.length
  }
  const listen = async (): Promise<void> => {
    const live = { path: '/admin/events/live', method: 'GET' as const, headers, signal: left.signal, bodyTimeout: 0 }
    const { body } = await pool.request(live)
    for await (const chunk of body) {
      bytes += (chunk as Buffer).length
      news.quick = true
      news.slow = true
    }
  }
  const refresh = async (which: keyof typeof news, everyMs: number, paths: () => readonly string[]): Promise<void> => {
    while (!left.signal.aborted) {
      if (news[which]) {
        news[which] = false
        await Promise.all(paths().map(ask))
      }
      await sleep(everyMs, undefined, { signal: left.signal })
    }
  }
  // An error ends the measurement, but for the one that leaving is.
  const running = Promise.all([
    ...ONCE.map(ask),
    listen(),
    refresh('quick', REFRESH_MS, () => QUICK),
    refresh('slow', SLOW_REFRESH_MS, slow),
  ]).catch((error: unknown) => {
    if (!left.signal.aborted) throw error
  })
  return {
    seen: () => ({ answers, bytes }),
    close: async () => {
      left.abort()
      await running
      await pool.destroy()
    },
  }
}
