/**
 * The upstream of the section `streams`, a process of its own: every request gets a stream of `STREAM_TICKS` chunks, `STREAM_TICK_MS`
 * apart, each with its number and when it was written, and then its end; all of them end with the next chunk after SIGUSR2.
 */
import { createServer, type ServerResponse } from 'node:http'
import { listening } from './child.ts'
import { FINISH, PRELUDE, tickOf } from './stream-frames.ts'

const ticks = Number(process.env.STREAM_TICKS ?? 20)
const tickMs = Number(process.env.STREAM_TICK_MS ?? 1_000)

let ending = false
process.on('SIGUSR2', () => {
  ending = true
})

const stream = (response: ServerResponse): void => {
  response.writeHead(200, ['content-type', 'text/event-stream; charset=utf-8'])
  response.write(PRELUDE + tickOf(0))
  let n = 1
  const timer = setInterval(() => {
    if (n < ticks && !ending) response.write(tickOf(n++))
    else {
      clearInterval(timer)
      response.end(FINISH)
    }
  }, tickMs)
  response.on('close', () => clearInterval(timer))
}

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    if (request.method === 'POST') stream(response)
    else response.writeHead(200, ['content-type', 'application/json']).end('{"data":[],"has_more":false}')
  })
})
server.keepAliveTimeout = 0

listening(server)
