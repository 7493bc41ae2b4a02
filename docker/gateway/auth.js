// nginx keeps digests of keys and no keys. Keys are random (256 bits, see new-key), so a plain
// digest is enough: there is nothing to guess that a slow hash would protect.
import crypto from 'crypto';

function digest(request) {
    const found = /^Bearer +([\x21-\x7e]{16,256})$/i.exec(request.headersIn.Authorization || '');
    return found ? crypto.createHash('sha256').update(found[1]).digest('hex') : '';
}

export default {digest};
