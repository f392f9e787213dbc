import { statSync } from 'node:fs'
import { Effect } from 'effect'
import Database from 'better-sqlite3'
import { logOf } from './log-file.ts'
import { writePage } from '#infra/event-log/page-text.ts'
import { currentVersions, readPage, rowOf } from '#infra/event-log/codec.ts'
import { packBatch, unpackBatch } from '#infra/event-log/batch.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { compileRead } from '#infra/event-log/sqlite-query.ts'
const path = await Effect.runPromise(logOf(5000))
const db = new Database(path, {readonly:true})
const t=(n:string,f:()=>unknown,k:number)=>{for(let i=0;i<6;i++){const s=performance.now();f();if(i>2)console.log(n,((performance.now()-s)*1000/k).toFixed(2),'us')}}
const {sql,parameters}=compileRead({after:0,limit:10000},{from:1,to:Number.MAX_SAFE_INTEGER})
let rows:any
t('sql raw',()=>{rows=db.prepare(sql).raw().all(...parameters)},10000)
t('sql raw slim',()=>{db.prepare('select position,data from events where position<=10000').raw().all()},10000)
for(const r of rows) r[5]='box_3kTMd82hVbQ9'
let page='' 
t('writePage',()=>{page=writePage(rows,currentVersions);Buffer.byteLength(page)},10000)
t('flatten',()=>{structuredClone(page)},10000)
t('JSON.parse',()=>JSON.parse(page),10000)
t('readPage',()=>readPage(page),10000)
t('compile',()=>{for(let i=0;i<1000;i++)compileRead({after:0,limit:10000},{from:1,to:5})},1000)
const wrap=envelopes('z');const evs=Array.from({length:2500},(_, n)=>wrap(servedRequest(n))).flat()
t('rowOf+pack',()=>{for(let i=0;i<evs.length;i+=4)packBatch(evs.slice(i,i+4).map(rowOf))},10000)
const packs=Array.from({length:2500},(_, n)=>packBatch(evs.slice(n*4,n*4+4).map(rowOf)))
t('clone',()=>{for(const p of packs)structuredClone(p)},10000)
const jsons=packs.map(p=>JSON.stringify(p))
t('JSON of packs',()=>{for(const p of packs)JSON.stringify(p)},10000)
t('clone json',()=>{for(const p of jsons)structuredClone(p)},10000)
t('unpack',()=>{for(const p of packs)unpackBatch(p)},10000)
