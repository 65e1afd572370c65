// Loaded into every Node of a rehearsal (NODE_OPTIONS): its TLS goes through the emulator's proxy.
//
// `https` looks at no HTTPS_PROXY, and `fetch` only where Node knows NODE_USE_ENV_PROXY (22.21, 24.5): both would
// send the emulator's key to the real host. Both connect by tls.connect; who brings a tunnel of his own keeps it.
'use strict'

const net = require('node:net')
const tls = require('node:tls')
const { Duplex } = require('node:stream')

const proxy = new URL(process.env.HTTPS_PROXY || 'http://127.0.0.1:9') // 9 discards: none is set, nothing gets out
const here = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/i
const connectTls = tls.connect
const connect = net.Socket.prototype.connect

tls.connect = function (...given) {
  const [first, done] = net._normalizeArgs(given)
  const options = Object.assign({}, first, given.slice(1).find((it) => it !== null && typeof it === 'object'))
  if (options.socket || options.path || here.test(options.host || 'localhost')) return connectTls.apply(this, given)
  const tunnel = new Tunnel(options.host, options.port)
  const servername = net.isIP(options.host) ? '' : options.host
  const secure = connectTls.call(this, { servername, ...options, socket: tunnel }, done)
  // An idle connection must not keep the process alive: agents say so on the socket that they see.
  secure.ref = () => (tunnel.wire.ref(), secure)
  secure.unref = () => (tunnel.wire.unref(), secure)
  return secure
}

// Plain HTTP that minds no proxy: the metadata address of a virtual machine gives out real tokens.
net.Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : net._normalizeArgs(given)
  const web = !options.path && [80, 443].includes(Number(options.port))
  if (!web || here.test(options.host || 'localhost')) return connect.apply(this, given)
  process.nextTick(() => this.destroy(refused(`${options.host}:${options.port}`)))
  return this
}

class Tunnel extends Duplex {
  constructor (host, port) {
    super({ emitClose: true })
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
    this.wire = net.connect(proxy.port, proxy.hostname)
    this.wire.setNoDelay(true)
    this.open = new Promise((resolve) => { this.opened = resolve })
    this.wire.on('error', (error) => this.destroy(error))
    this.wire.on('close', () => this.destroy())
    this.wire.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    let head = Buffer.alloc(0)
    const readHead = (piece) => {
      head = Buffer.concat([head, piece])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      this.wire.off('data', readHead)
      if (!/^HTTP\/1\.\d 2/.test(head.toString('latin1'))) return this.destroy(refused(target))
      this.wire.on('data', (data) => { if (!this.push(data)) this.wire.pause() })
      this.wire.on('end', () => this.push(null))
      const rest = head.subarray(end + 4)
      if (rest.length) this.push(rest)
      this.opened()
    }
    this.wire.on('data', readHead)
  }

  _read () { this.wire.resume() }

  _write (data, encoding, done) { this.open.then(() => this.wire.write(data, encoding, done)) }

  _final (done) { this.wire.end(done) }

  _destroy (error, done) { this.wire.destroy(); done(error) }
}

function refused (target) {
  const error = new Error(`foundry-emulator refuses ${target}: it does not emulate that address, and nothing leaves this machine`)
  return Object.assign(error, { code: 'ECONNREFUSED' })
}
