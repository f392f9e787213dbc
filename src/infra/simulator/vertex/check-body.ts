/**
 * What Claude on Vertex refuses of a Messages body beyond a strict Claude: the model and the version are elsewhere, and
 * features that Google does not offer (facts of Anthropic's page on it, September 2026).
 */
import { isObject, type Json, listOf } from '#infra/simulator/json.ts'
import type { EngineRequest } from '#infra/simulator/wire.ts'
import { headerOf } from '#infra/simulator/wire.ts'

export const VERTEX_VERSIONS = ['vertex-2023-10-16', '2026-10-21']

/** Betas that a vertex provider knows when it is given no list. */
export const VERTEX_BETAS = [
  ...['claude-code-20250219', 'interleaved-thinking-2025-05-14', 'context-management-2025-06-27'],
  ...['context-1m-2025-08-07', 'effort-2025-11-24', 'extended-cache-ttl-2025-04-11', 'compact-2026-01-12'],
  ...['fine-grained-tool-streaming-2025-05-14', 'structured-outputs-2025-11-13', 'tool-search-tool-2025-10-19'],
  'thinking-binding-controls-2026-08-01',
]

const NOT_OFFERED = ['container', 'mcp_servers', 'fallbacks', 'inference_geo', 'speed', 'cache_control', 'diagnostics']

/** `counting`: the model stays in the body. `streams`: what the path says. */
export function* checkVertexBody(
  request: EngineRequest,
  body: Json,
  { counting, streams }: { readonly counting: boolean; readonly streams: boolean },
): Generator<string | undefined> {
  if (headerOf(request.headers, 'anthropic-version') !== undefined) {
    yield 'anthropic-version: header is not supported, use the `anthropic_version` field of the body'
  }
  if (!counting && body.model !== undefined) yield 'model: Extra inputs are not permitted'
  if (body.anthropic_version === undefined) yield 'anthropic_version: Field required'
  if (!VERTEX_VERSIONS.includes(String(body.anthropic_version))) {
    yield `anthropic_version: Input should be ${VERTEX_VERSIONS.map((version) => `'${version}'`).join(' or ')}`
  }
  // The path decides how the answer comes; a body that says otherwise is a mistake of the client.
  if (!counting && (body.stream === true) !== streams) {
    yield streams ? 'stream: must be true for streamRawPredict' : 'stream: must not be true for rawPredict'
  }
  for (const field of NOT_OFFERED) if (body[field] !== undefined) yield `${field}: Extra inputs are not permitted`
  if (isObject(body.output_config) && body.output_config.task_budget !== undefined) {
    yield 'output_config.task_budget: Extra inputs are not permitted'
  }
  for (const [index, tool] of listOf(body.tools).entries()) yield checkTool(tool, `tools.${index}`)
  for (const [index, message] of listOf(body.messages).entries()) {
    if (isObject(message)) yield* checkSources(message.content, `messages.${index}.content`)
  }
}

const checkTool = (tool: unknown, path: string): string | undefined => {
  if (!isObject(tool)) return undefined
  if (tool.allowed_callers !== undefined) return `${path}.custom.allowed_callers: Extra inputs are not permitted`
  const type = typeof tool.type === 'string' ? tool.type : 'custom'
  const offered =
    !/^(web_search|web_fetch|code_execution|advisor|mcp_toolset)/.test(type) || type === 'web_search_20250305'
  return offered ? undefined : `${path}: Input tag '${type}' found using 'type' does not match any of the expected tags`
}

/** Images and documents are sent along, not fetched. */
function* checkSources(content: unknown, path: string): Generator<string | undefined> {
  for (const [index, block] of listOf(content).entries()) {
    if (!isObject(block)) continue
    const at = `${path}.${index}`
    if (isObject(block.source) && (block.source.type === 'url' || block.source.type === 'file')) {
      yield `${at}.${String(block.type)}.source: Input tag '${block.source.type}' found using 'type' does not match any of the expected tags: 'base64'`
    }
    yield* checkSources(block.content, `${at}.content`)
  }
}
