/**
 * The measure of what a proxy must cost: `node:http` in front, undici behind, nothing in between but reading the body and
 * parsing it, as anything that routes by model has to. A process of its own. Usage: BARE_UPSTREAM=URL node bench/bare.ts
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { Agent, request as send } from 'undici'
import { listening } from './child.ts'

const upstream = process.env.BARE_UPSTREAM
if (upstream === undefined) throw new Error('BARE_UPSTREAM is not set')

const dispatcher = new Agent()
/** RFC 9110, 7.6.1: of this connection only. */
const HOP_BY_HOP = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer'])

const forwarded = (headers: NodeJS.Dict<string | string[]>): Record<string, string | string[]> => {
  const kept: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name)) kept[name] = value
  }
  return kept
}

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await read(request)
  const { model } = JSON.parse(body.toString()) as { readonly model?: unknown }
  if (typeof model !== 'string') {
    response.writeHead(400).end()
    return
  }
  const answer = await send(`${upstream}${request.url}`, {
    dispatcher,
    method: 'POST',
    headers: forwarded(request.headers),
    body,
  })
  response.writeHead(answer.statusCode, forwarded(answer.headers))
  await pipeline(answer.body, response)
}

listening(
  createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  }),
)
