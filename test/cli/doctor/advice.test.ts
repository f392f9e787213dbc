import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failure } from '#cli/doctor/advice.ts'
import type { FailureReason } from '#domain/failure.ts'
import { EPOCH, reasonsAt } from '#test/generators.ts'
import { place } from '../../infra/config/place.ts'

const entries = {
  key: '{ kind: openai-compatible, preset: openai, credential: { env: OPENAI_KEY } }',
  file: '{ kind: anthropic, credential: { file: /run/key } }',
  local: '{ kind: openai-compatible, preset: ollama, models: { "claude-*": qwen3 } }',
  far: '{ kind: anthropic-compatible, baseUrl: "https://gateway.example.com/x" }',
  google: '{ kind: vertex, project: my-project }',
  github: '{ kind: github-models, credential: { env: GITHUB_TOKEN } }',
} as const

const provider = (name: keyof typeof entries) => {
  const [found] = place({ 'signalbox.yaml': `providers: { ${name}: ${entries[name]} }` }).good().providers
  return found!
}

const cases: readonly (readonly [FailureReason, keyof typeof entries, RegExp])[] = [
  [{ _tag: 'CredentialRefused', status: 401, whose: 'gateway' }, 'key', /variable OPENAI_KEY.*platform\.openai\.com/],
  [{ _tag: 'CredentialRefused', status: 403, whose: 'gateway' }, 'file', /\/run\/key.*permissions/],
  [{ _tag: 'CredentialRefused', status: 401, whose: 'gateway' }, 'far', /name one in providers\.far\.credential/],
  [{ _tag: 'CredentialRefused', status: 403, whose: 'gateway' }, 'google', /roles\/aiplatform\.user/],
  [{ _tag: 'CredentialRefused', status: 401, whose: 'gateway' }, 'google', /gcloud auth application-default login/],
  [
    { _tag: 'Transport', code: 'ENOTFOUND', connect: true },
    'far',
    /gateway\.example\.com cannot be resolved.*HTTPS_PROXY/,
  ],
  [{ _tag: 'Transport', code: 'ECONNREFUSED', connect: true }, 'local', /start the server \(ollama serve\)/],
  [{ _tag: 'Transport', code: 'ECONNREFUSED', connect: true }, 'far', /takes no connections/],
  [{ _tag: 'Transport', code: 'SELF_SIGNED_CERT_IN_CHAIN', connect: true }, 'far', /providers\.far\.tls\.ca/],
  [{ _tag: 'Transport', code: 'EPROTO', connect: true }, 'far', /does not speak TLS/],
  [
    { _tag: 'Transport', code: 'CREDENTIAL_UNREACHABLE', connect: true },
    'google',
    /issues its credential.*\.credential/,
  ],
  [{ _tag: 'Timeout', phase: 'connect' }, 'far', /firewalls/],
  [{ _tag: 'Timeout', phase: 'deadline' }, 'far', /did not answer in time/],
  [{ _tag: 'Retired', status: 410 }, 'github', /2026-07-30.*Microsoft Foundry.*OpenRouter/],
  [{ _tag: 'Retired', status: 410 }, 'far', /gone for good: take far out/],
  [{ _tag: 'QuotaExhausted', status: 402 }, 'key', /add credit/],
  [{ _tag: 'InvalidRequest', status: 404 }, 'key', /does not have the model gpt-6-luna: .*providers\.key\.models/],
]

describe('advice on', () => {
  it.each(cases)('%o at %s', (reason, name, advice) => {
    const asked = { provider: provider(name), ...(reason._tag === 'InvalidRequest' ? { model: 'gpt-6-luna' } : {}) }
    const finding = failure('models', reason, asked)
    expect(finding.result).toBe('failed')
    expect(finding.advice).toMatch(advice)
  })

  it('a connection through a proxy is about the proxy', () => {
    const asked = { provider: provider('far'), proxy: 'proxy:3128 (HTTPS_PROXY)' }
    expect(failure('address', { _tag: 'Transport', code: 'ECONNREFUSED', connect: true }, asked).advice).toMatch(
      /^The proxy proxy:3128 \(HTTPS_PROXY\) is in between/,
    )
  })

  it('what passes by itself is a warning', () => {
    for (const _tag of ['RateLimited', 'Overloaded'] as const) {
      expect(failure('stream', { _tag, until: 8.7e15 }, { provider: provider('key') }).result).toBe('warning')
    }
  })

  it('every reason is one sentence', () => {
    const far = provider('far')
    fc.assert(
      fc.property(reasonsAt(EPOCH), (reason) => {
        const { advice = '' } = failure('stream', reason, { provider: far, model: 'm' })
        expect(advice).toMatch(/^[^\n]+\.$/)
      }),
    )
  })
})
