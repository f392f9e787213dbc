/**
 * The keys of the admin API: tokens by reference only, origins as browsers write them.
 */
import { describe, expect, it } from 'vitest'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { place } from './place.ts'

const BASE = 'providers: { a: { kind: anthropic } }\n'
const here = (server: string) => place({ 'signalbox.yaml': `${BASE}server: ${server}\n` })

describe('the admin API in the configuration', () => {
  it('takes tokens from variables and files, and origins', () => {
    const test = here(
      '{ adminToken: { env: OPS_TOKEN }, readToken: { file: secrets/read }, corsOrigins: [https://Ops.example.com, "http://localhost:5173"] }',
    )
    const { server } = test.good()
    expect(server.adminToken).toEqual({ _tag: 'Env', name: 'OPS_TOKEN', header: 'bearer' })
    expect(server.readToken).toEqual({ _tag: 'File', path: `${test.folder}/secrets/read`, header: 'bearer' })
    expect(server.corsOrigins).toEqual(['https://ops.example.com', 'http://localhost:5173'])
  })

  it('is closed to other origins, and without tokens, unless something is said', () => {
    const { server } = here('{ port: 1 }').good()
    expect(server).not.toHaveProperty('adminToken')
    expect(server).not.toHaveProperty('readToken')
    expect(server.corsOrigins).toEqual([])
  })

  it('can be set by variables', () => {
    const environment = {
      SIGNALBOX_SERVER__READ_TOKEN__ENV: 'READ',
      SIGNALBOX_SERVER__CORS_ORIGINS: 'https://a.example, https://b.example',
    }
    const { server } = place({ 'signalbox.yaml': BASE }).good({ environment })
    expect(server.readToken).toMatchObject({ _tag: 'Env', name: 'READ' })
    expect(server.corsOrigins).toEqual(['https://a.example', 'https://b.example'])
  })

  it.each([
    [
      '{ adminToken: s3cret }',
      /server\.adminToken: a secret does not belong .* write adminToken: \{ env: MY_API_KEY \} \(or \{ file: PATH \}\)$/,
    ],
    ['{ adminToken: { value: s3cret } }', /server\.adminToken: expected \{ env: NAME \} or \{ file: PATH \}$/],
    ['{ adminToken: { env: A, file: b } }', /needs exactly one of env and file/],
    ['{ readToken: { env: "not a name" } }', /server\.readToken\.env: expected the name of an environment variable/],
    ['{ readToken: client }', /server\.readToken: a secret does not belong/],
    ['{ corsOrigins: ["*"] }', /server\.corsOrigins: expected origins such as/],
    ['{ corsOrigins: [https://ops.example.com/] }', /without a path/],
    ['{ corsOrigins: [ops.example.com] }', /expected origins/],
  ])('does not take %s', (server, message) => {
    const problems = here(server).problems()
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(message)
    expect(problems[0]).not.toContain('s3cret')
  })

  it('is shown by where its tokens are found', () => {
    const shown = redactedConfig(here('{ adminToken: { env: OPS_TOKEN }, readToken: { file: read } }').good())
    expect(shown.server).toMatchObject({
      adminToken: 'the environment variable OPS_TOKEN',
      readToken: expect.stringMatching(/^the file .*\/read$/),
    })
  })
})
