/**
 * Prices that providers publish, before they have answered this process.
 */
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { providerId } from '#domain/ids.ts'
import { toPolicy } from '#infra/config/to-policy.ts'
import { fedIn, startPriceFeed } from '#infra/prices/price-feed.ts'
import { configured } from '#test/configured.ts'

const price = { input: 7, output: 70, cacheRead: 1, cacheWrite5m: 8, cacheWrite1h: 14 }

it.effect('a start takes what the log has of them, so that nobody who shares it is without meanwhile', () =>
  Effect.gen(function* () {
    const config = yield* configured({
      providers: {
        router: { kind: 'openrouter', credential: { env: 'KEY' }, models: { 'house-model': 'maker/made' } },
        other: { kind: 'anthropic-compatible', baseUrl: 'http://127.0.0.1:1', prices: { '*': price } },
      },
    })
    const fed = new Map([[providerId('router'), new Map([['maker/made', price]])]])
    const inLog = toPolicy(config, fed, undefined, 0)
    // Else this shows nothing.
    expect(toPolicy(config, undefined, undefined, 0)).not.toEqual(inLog)
    const known = fedIn(inLog, config.providers)
    expect([...known.keys()]).toEqual(['router'])
    expect(toPolicy(config, known, undefined, 0)).toEqual(inLog)
    const feed = yield* startPriceFeed({
      known,
      upstreams: { get: () => undefined },
      providers: () => config.providers,
      onChange: Effect.die('nothing has changed'),
    })
    yield* Effect.yieldNow
    expect(feed.current()).toEqual(known)
  }),
)
