/**
 * What operators change while the box runs, as facts: an override, then the policy that it leads to.
 */
import { Effect } from 'effect'
import { createKey, revokeKey } from '#actors/client-keys.ts'
import { Ledger } from '#actors/ledger.ts'
import { changePolicy } from '#actors/open-box.ts'
import { type AdminActions, type Books, ChangeRefused, type MadeKey } from '#actors/ports.ts'
import { isMisfit, override, withOverrides } from '#domain/overrides.ts'
import type { Policy } from '#domain/policy.ts'

export interface AdminActionsOptions {
  /** The policy as the configuration in force has it, without overrides. */
  readonly configured: () => Policy
  /** Once a changed policy is in force. */
  readonly afterChange: Effect.Effect<void, never, Ledger | Books>
  /** Makes a key for a client. */
  readonly makeKey: () => MadeKey
}

/** The policy to have in force: the configured one under everything that operators have set. */
export const takePolicy = Effect.fnUntraced(function* (configured: Policy) {
  const ledger = yield* Ledger
  return yield* changePolicy(withOverrides(configured, ledger.state.projections.overrides))
})

export const makeAdminActions = Effect.fnUntraced(function* (options: AdminActionsOptions) {
  const ledger = yield* Ledger
  const context = yield* Effect.context<Ledger | Books>()
  const clock = yield* Effect.clockWith(Effect.succeed)
  const now = () => clock.currentTimeMillisUnsafe()

  const setOverrides: AdminActions['Service']['setOverrides'] = Effect.fnUntraced(function* (settings, by) {
    const takenBack = new Set(settings.filter(({ value }) => value === null).map(({ path }) => path))
    const { overrides } = ledger.state.projections
    let policy = withOverrides(options.configured(), new Map([...overrides].filter(([path]) => !takenBack.has(path))))
    for (const { path, value } of settings) {
      if (value === null) continue
      const next = override(policy, path, value)
      if (isMisfit(next)) return yield* new ChangeRefused(next)
      policy = next
    }
    const { weights } = policy.routing
    if (weights.headroom + weights.performance + weights.cost + weights.reliability <= 0) {
      return yield* new ChangeRefused({ reason: 'conflict', message: 'One of the weights must be above 0.' })
    }
    for (const { path, value } of settings) ledger.record({ _tag: 'SettingOverridden', path, value, by }, now())
    yield* takePolicy(options.configured()).pipe(Effect.andThen(options.afterChange), Effect.provideContext(context))
    yield* ledger.committed
  })

  const service: AdminActions['Service'] = {
    setOverrides,
    removeBudget: Effect.fnUntraced(function* (name, by) {
      const isNamed = (budgets: Policy['budgets']) => budgets?.some((budget) => budget.name === name) === true
      if (!isNamed(ledger.state.policy.budgets)) {
        return yield* new ChangeRefused({ reason: 'notFound', message: `There is no budget ${name}.` })
      }
      // One of the configuration would come back if the override were only taken away.
      const value = isNamed(options.configured().budgets) ? false : null
      yield* setOverrides([{ path: `budgets.${name}`, value }], by)
    }),
    silence: Effect.fnUntraced(function* (wanted, by) {
      ledger.record({ _tag: 'AlertsSilenced', ...wanted, by }, now())
      yield* ledger.committed
    }),
    resetBreaker: Effect.fnUntraced(function* (provider, by) {
      if (!ledger.state.machines.has(provider)) {
        return yield* new ChangeRefused({ reason: 'notFound', message: `There is no provider ${provider}.` })
      }
      ledger.record({ _tag: 'BreakerReset', provider, by }, now())
      yield* ledger.committed
    }),
    createKey: (wanted, by) => Effect.provideContext(createKey(options.makeKey, wanted, by), context),
    revokeKey: (keyId, by) => Effect.provideContext(revokeKey(keyId, by), context),
  }
  return service
})
