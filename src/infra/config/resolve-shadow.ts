/**
 * The shadow policy: what the file says of it, in the words of the policy.
 */
import type { Policy } from '#domain/policy.ts'
import type { Checks } from '#infra/config/checks.ts'
import type { Config } from '#infra/config/config.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

export const resolveShadow = (
  file: ConfigFile,
  features: Config['features'],
  checks: Checks,
): Pick<Policy['routing'], 'shadow'> => {
  if (file.routing?.shadow === undefined) return {}
  const { exploration, ...shadow } = file.routing.shadow
  const at = ['routing', 'shadow']
  if (shadow.strategy !== undefined && !features.strategies[shadow.strategy]) {
    const text = `${shadow.strategy} is switched off by features.strategies.${shadow.strategy}`
    checks.report('conflict', [...at, 'strategy'], text)
  }
  if (Object.keys(file.routing.shadow).length === 0) {
    checks.report('invalidValue', at, 'names nothing that it would do otherwise, so there is nothing to compare')
  }
  return { shadow: { ...shadow, ...(exploration === undefined ? {} : { explorationShare: exploration }) } }
}
