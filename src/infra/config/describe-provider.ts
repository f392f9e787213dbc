/**
 * A provider and what was looked for, as the banner and `config check` tell them. No credential is in any of it.
 */
import type { Discovery, ResolvedProvider } from '#infra/config/config.ts'
import { withoutUser } from '#infra/config/redacted-config.ts'
import { describeReference } from '#infra/credentials/credential-reference.ts'
import type { Profile } from '#infra/upstream/profile.ts'

/** `openai-compatible/groq`. */
export const describeKind = ({ kind, preset }: Pick<ResolvedProvider, 'kind' | 'preset'>): string =>
  preset === undefined ? kind : `${kind}/${preset}`

export const describeDialect = (profile: Profile): string => {
  if (profile.dialect === 'openai') return 'chat dialect, translated'
  const chat = profile.chat?.models ?? []
  const also = chat.length === 0 ? '' : `; chat dialect for ${chat.join(', ')}`
  return `Anthropic format${profile.bodyForm === 'vertex' ? ' of Vertex AI' : ''}${also}`
}

/** Several lines for `config check`. Models that the common `models` add are not among them. */
export const describeProvider = (provider: ResolvedProvider): readonly string[] => {
  const { id, policy, profile, builtInModels = {} } = provider
  const entries = (models: Readonly<Record<string, string>>): string =>
    Object.entries(models)
      .map(([pattern, name]) => `${pattern} → ${name}`)
      .join(', ')
  return [
    `  ${id.padEnd(14)} ${describeKind(provider)}, priority ${policy.priority}${policy.enabled ? '' : ', disabled'}`,
    `    asked at      ${withoutUser(provider.baseUrl)} (${describeDialect(profile)})`,
    `    with          ${describeReference(provider.credential)}`,
    ...(Object.keys(policy.models).length === 0 ? [] : [`    models        ${entries(policy.models)}`]),
    ...(Object.keys(builtInModels).length === 0 ? [] : [`    built in      ${entries(builtInModels)}`]),
  ]
}

/** What was looked for in the environment and is not there, in one line; undefined when nothing was or all is. */
export const describeMissing = (discovery: readonly Discovery[]): string | undefined => {
  const missing = discovery.filter(({ found }) => !found).map(({ variables }) => variables.join(' with '))
  return missing.length === 0 ? undefined : `Not found: ${missing.join(', ')}`
}
