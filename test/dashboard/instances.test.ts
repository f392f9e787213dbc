/**
 * Two real instances on a real PostgreSQL: what each says of the other, by API, metrics and page, and what one learns from the other.
 */
import { expect, layer } from '@effect/vitest'
import { Context, Effect, Layer } from 'effect'
import type { InstancesView } from '#actors/views/instances-view.ts'
import { createDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'
import { configOf, type SignalboxProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'
import { asked, type Box, Chrome, call, expectCalm, look, says, startBox } from './browser.ts'

interface Two {
  readonly cluster: PostgresCluster
  readonly one: Box
  readonly two: Box
}

class Shared extends Context.Service<Shared, Two>()('signalbox/test/Shared') {
  static readonly layer = Layer.effect(
    Shared,
    Effect.gen(function* () {
      const cluster = yield* Effect.acquireRelease(
        Effect.promise(() => startCluster()),
        (started) => Effect.promise(started.remove),
      )
      const url = yield* Effect.promise(() => createDatabase(cluster.url('postgres')))
      const { alpha } = yield* startProviders({ alpha: {} })
      const start = (name: string) =>
        startBox({
          config: configOf(alpha),
          environment: { SIGNALBOX_DATABASE_URL: url, SIGNALBOX_INSTANCE: name },
        })
      return { cluster, one: yield* start('one'), two: yield* start('two') }
    }),
  )
}

const json = (process: SignalboxProcess, ...args: readonly string[]) =>
  Effect.map(process.command(...args), ({ stdout, stderr, code }) => {
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout) as Readonly<Record<string, unknown>>
  })

/** Until the other has heard. */
const eventually = <A>(read: Effect.Effect<A>, fits: (value: A) => boolean) =>
  read.pipe(Effect.delay(100), Effect.repeat({ until: fits, times: 50 }))

layer(Layer.merge(Chrome.layer, Shared.layer), { excludeTestServices: true, timeout: 90_000 })(
  'two instances on one log',
  (it) => {
    it.effect('each lists both, and one of them leads', () =>
      Effect.gen(function* () {
        const { one, two } = yield* Shared
        for (const [box, name] of [
          [one, 'one'],
          [two, 'two'],
        ] as const) {
          const view = yield* eventually(
            asked<InstancesView>(box, '/admin/instances'),
            ({ instances }) => instances.length === 2,
          )
          expect(view.instances.map((instance) => instance.name)).toEqual(['one', 'two'])
          expect(view.instances.find(({ isThis }) => isThis)?.name).toBe(name)
          expect(view).toMatchObject({ shared: true, spooledEvents: 0, logFailingSince: null })
          expect(view.stateAgeMs).toBeLessThan(5_000)
          const metrics = yield* Effect.promise(() => fetch(`${box.url}/metrics`).then((answer) => answer.text()))
          expect(metrics).toContain('signalbox_instances 2')
        }
        const leads = [
          yield* asked<InstancesView>(one, '/admin/instances'),
          yield* asked<InstancesView>(two, '/admin/instances'),
        ]
        expect(leads.filter(({ isLeader }) => isLeader)).toHaveLength(1)
      }),
    )

    it.effect('one serves, the other knows of it; counters are of each alone', () =>
      Effect.gen(function* () {
        const { one, two } = yield* Shared
        for (let n = 0; n < 3; n++) yield* call(one)
        const stats = yield* eventually(
          asked<{ readonly traffic: { readonly totals: { readonly admitted: number } } }>(two, '/admin/stats'),
          ({ traffic }) => traffic.totals.admitted === 3,
        )
        expect(stats.traffic.totals.admitted).toBe(3)
        const requestsOf = (box: Box) =>
          Effect.promise(() => fetch(`${box.url}/metrics`).then((answer) => answer.text())).pipe(
            Effect.map((text) => Number(/^signalbox_requests_total\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0)),
          )
        expect(yield* requestsOf(one)).toBe(3)
        expect(yield* requestsOf(two)).toBe(0)
      }),
    )

    it.effect('a client key that is made at one is known to the other, also when it is made on the log', () =>
      Effect.gen(function* () {
        const { one, two } = yield* Shared
        const made = yield* one.command('keys', 'create', 'laptop', '--json')
        expect(made.code, made.stderr).toBe(0)
        const keys = yield* eventually(
          asked<{ readonly data: readonly { readonly name: string }[] }>(two, '/admin/keys'),
          ({ data }) => data.length === 1,
        )
        expect(keys.data.map(({ name }) => name)).toEqual(['laptop'])
      }),
    )

    it.effect('the commands read their log, and a replay finds every decision', () =>
      Effect.gen(function* () {
        const { one } = yield* Shared
        expect(yield* json(one, 'replay', '--json')).toMatchObject({ identical: true })
        expect(yield* json(one, 'verify', '--json')).toMatchObject({ problems: [] })
        const costs = yield* one.command('costs', '--json')
        expect(costs.code, costs.stderr).toBe(0)
      }),
    )

    it.effect('the page shows them, and says when the database is away', () =>
      Effect.gen(function* () {
        const { cluster, one } = yield* Shared
        const view = yield* look(one)
        const panel = view.page.getByRole('region', { name: 'Instances', exact: true })
        yield* says(panel, /this one.*two/)
        expectCalm(view)
        yield* Effect.promise(cluster.stop)
        yield* call(one)
        yield* eventually(asked<InstancesView>(one, '/admin/instances'), ({ spooledEvents }) => spooledEvents > 0)
        const late = yield* look(one)
        yield* says(late.page.getByRole('alert'), /database away.*waits? on this machine/)
        yield* Effect.promise(cluster.start)
        yield* eventually(
          asked<InstancesView>(one, '/admin/instances'),
          ({ spooledEvents, logFailingSince }) => spooledEvents === 0 && logFailingSince === null,
        )
        const after = yield* asked<InstancesView>(one, '/admin/instances')
        expect(after).toMatchObject({ spooledEvents: 0, logFailingSince: null })
      }),
    )
  },
)
