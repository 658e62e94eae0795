// @ts-check
/**
 * Standard normal noise as torch's CPU generator draws it: the same seed, the same bits.
 *
 * MT19937 (Matsumoto & Nishimura 1998) and the Box-Muller transform, with the float32 polynomials of
 * torch's vectorised kernels (PyTorch: MT19937RNGEngine.h, DistributionTemplates.h, avx_mathfun.h).
 * Only +, × and √ are used, so every browser gives the same bits.
 */

const N = 624, M = 397;
const f = Math.fround;

/** a·b + c rounded once, as a fused multiply-add; the product of two floats is exact in a double. @param {number} a @param {number} b @param {number} c */
const fma = (a, b, c) => f(a * b + c);

export class Generator {
  /** @param {number} seed its lower 32 bits count */
  constructor(seed) {
    this.state = new Uint32Array(N);
    this.state[0] = seed >>> 0;
    for (let j = 1; j < N; j++) {
      const before = this.state[j - 1] ^ (this.state[j - 1] >>> 30);
      this.state[j] = Math.imul(1812433253, before) + j;
    }
    this.next = N;
    /** The second number of the last pair of doubles. @type {number | null} */
    this.kept = null;
  }

  /** 32 random bits. */
  bits() {
    if (this.next === N) this.twist();
    let y = this.state[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  twist() {
    const s = this.state;
    for (let j = 0; j < N; j++) {
      const mixed = (s[j] & 0x80000000) | (s[(j + 1) % N] & 0x7fffffff);
      s[j] = s[(j + M) % N] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }

  /** `count` standard normal numbers, as one call of torch.randn draws them. @param {number} count */
  normal(count) {
    const out = new Float32Array(count);
    if (count < 16) for (let i = 0; i < count; i++) out[i] = this.single();
    else {
      for (let i = 0; i < count; i++) out[i] = this.uniform();
      for (let i = 0; i + 16 <= count; i += 16) transform(out, i);
      if (count % 16) { // the last 16 places are drawn anew
        for (let i = count - 16; i < count; i++) out[i] = this.uniform();
        transform(out, count - 16);
      }
    }
    return out;
  }

  uniform() {
    return (this.bits() & 0xffffff) * 2 ** -24;
  }

  /** Of fewer than 16 numbers each is drawn in double precision, in pairs. */
  single() {
    if (this.kept !== null) {
      const value = this.kept;
      this.kept = null;
      return value;
    }
    const u1 = this.double(), u2 = this.double();
    const radius = Math.sqrt(-2 * Math.log1p(-u2)), angle = 2 * Math.PI * u1;
    this.kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  double() {
    const high = this.bits() & 0x1fffff, low = this.bits();
    return (high * 2 ** 32 + low) * 2 ** -53;
  }
}

const TWO_PI = f(2 * Math.PI);

/** 16 uniform numbers from `at` become 16 normal ones. @param {Float32Array} values @param {number} at */
function transform(values, at) {
  for (let j = at; j < at + 8; j++) {
    const radius = f(Math.sqrt(f(-2 * log(f(1 - values[j]))))), [sin, cos] = sinCos(f(TWO_PI * values[j + 8]));
    values[j] = f(radius * cos);
    values[j + 8] = f(radius * sin);
  }
}

const LOG = [
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f);
const HALF_ROOT = f(0.707106781186547524), LN2_LOW = f(-2.12194440e-4), LN2_HIGH = f(0.693359375);
const number = new Float32Array(1), pattern = new Uint32Array(number.buffer);

/** Cephes' logf of a number in (0, 1]. @param {number} x */
function log(x) {
  number[0] = x;
  let e = (pattern[0] >>> 23) - 126;
  pattern[0] = (pattern[0] & 0x007fffff) | 0x3f000000; // x = m·2^e, m in [0.5, 1)
  let m = number[0];
  if (m < HALF_ROOT) {
    e -= 1;
    m = f(m - 1 + m);
  } else m = f(m - 1);
  const z = f(m * m);
  let y = LOG[0];
  for (let k = 1; k < LOG.length; k++) y = fma(y, m, LOG[k]);
  y = f(y * m);
  y = fma(y, z, f(e * LN2_LOW));
  y = fma(-z, 0.5, y);
  return fma(e, LN2_HIGH, f(m + y));
}

const FOUR_OVER_PI = f(1.27323954473516), PARTS = [-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8].map(f);
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(f);
const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(f);

/** Cephes' sinf and cosf of an angle ≥ 0. @param {number} angle */
function sinCos(angle) {
  const j = (Math.trunc(f(angle * FOUR_OVER_PI)) + 1) & ~1;
  let x = angle;
  for (const part of PARTS) x = fma(j, part, x);
  const z = f(x * x);
  let c = fma(COS[0], z, COS[1]);
  c = f(fma(c, z, COS[2]) * z);
  c = f(fma(c, z, -0.5 * z) + 1);
  let s = fma(SIN[0], z, SIN[1]);
  s = f(fma(s, z, SIN[2]) * z);
  s = fma(s, x, x);
  if (j & 2) [s, c] = [c, s];
  return [j & 4 ? -s : s, (j - 2) & 4 ? c : -c];
}
