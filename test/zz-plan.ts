import { Effect } from 'effect'
import pg from 'pg'
import { EventLog, Books } from '#actors/ports.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { compileRead } from '#infra/event-log/postgres-query.ts'
import { startCluster } from '#test/postgres-cluster.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
const c = await startCluster()
try {
  const url = c.url('postgres')
  await Effect.runPromise(Effect.provide(Effect.gen(function* () {
    const log = yield* EventLog, books = yield* Books
    const wrap = envelopes('w')
    const N = 60000
    let t = performance.now()
    for (let n = 0; n < N; n += 250) { yield* log.append(Array.from({ length: 250 }, (_, k) => wrap(servedRequest(n + k).map((e) => e._tag === 'RequestAdmitted' ? { ...e, sessionId: 's' + Math.floor((n + k) / 10) } : e))).flat()) ; if (n % 5000 === 0) yield* log.append(wrap([{ _tag: 'ProviderRecovered', provider: 'vertex' as never }])) }
    console.log('append', Math.round(N * 4 / ((performance.now() - t) / 1000)), 'events/s')
    console.log(yield* log.stats)
    const time = (what: string, e: Effect.Effect<unknown, unknown>) => Effect.gen(function* () { const a = performance.now(); const r = yield* e; console.log(what, (performance.now() - a).toFixed(1), Array.isArray(r) ? r.length : '') })
    const base = 1_780_000_000_000
    for (const q of [{ after: 120000, limit: 5000 }, { after: 0, limit: 100, types: ['ProviderRecovered'] }, { after: 0, limit: 100, types: ['AttemptSucceeded'], descending: true }, { after: 0, limit: 100, since: base + 230000 * 137 }, { after: 0, limit: 100, until: base + 1000 * 137, descending: true }, { after: 0, limit: 10, stream: 'request:' + (servedRequest(30000)[0] as any).requestId }, { after: 0, limit: 10, correlation: (servedRequest(30000)[0] as any).requestId }] as const) {
      yield* time(JSON.stringify(q), log.read(q)); yield* time(JSON.stringify(q), log.read(q))
      const { sql, parameters } = compileRead(q)
      const client = new pg.Client({ connectionString: url })
      yield* Effect.promise(async () => { await client.connect(); const { rows } = await client.query('EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF) ' + sql, [...parameters]); console.log(rows.map((r) => r['QUERY PLAN']).join('\n')); await client.end() })
    }
    for (const by of [[], ['day'], ['provider'], ['session'], ['session', 'model']] as const) { yield* time('costs ' + by, books.costs({ by })) ; yield* time('costs ' + by, books.costs({ by })) }
    yield* time('requests', books.requests({ limit: 100 })); yield* time('requests', books.requests({ limit: 100, provider: 'vertex', from: base + 100000 * 137, to: base + 101000 * 137 }))
    yield* time('inflight', books.requests({ limit: 100, outcome: 'inFlight' }))
    yield* time('session', books.session('s100'))
    yield* time('placeAt', log.placeAt(base + 100000 * 137))
    yield* time('head', log.head)
    yield* time('verify', log.verify(() => {}))
    let after = 0; t = performance.now()
    for (;;) { const p = yield* log.read({ after, limit: 5000 }); after += p.length; if (p.length < 5000) break }
    console.log('replay', Math.round(after / ((performance.now() - t) / 1000)), 'events/s')
  }), layerPostgres({ url })))
} catch (e) { console.log(e) } finally { await c.remove() }
