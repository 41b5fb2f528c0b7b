-- Orders with their lines, which are in another table. Only the server can build such a payload.
CREATE TABLE orders (
    order_no  integer PRIMARY KEY,
    customer  text NOT NULL,
    placed_at timestamptz NOT NULL,
    prev_hash text,
    hash      text
);
CREATE TABLE order_lines (
    order_no integer NOT NULL REFERENCES orders,
    position integer NOT NULL,
    article  text NOT NULL,
    quantity integer NOT NULL,
    PRIMARY KEY (order_no, position)
);

INSERT INTO orders (order_no, customer, placed_at) VALUES
    (1, 'Bäcker', '2026-05-01 08:00:00+00'), (2, 'Müller', '2026-05-01 09:00:00+00'), (3, 'none', '2026-05-02 09:00:00+00');
INSERT INTO order_lines VALUES
    (1, 1, 'flour', 10), (1, 2, 'salt', 1), (2, 1, 'grain', 1000);

-- The writer closes an order when all of its lines are there.
DO $$
DECLARE
    before text;
    one orders;
BEGIN
    FOR one IN SELECT * FROM orders ORDER BY order_no LOOP
        UPDATE orders o SET prev_hash = before, hash = encode(sha256(convert_to(concat(before, o.order_no, o.customer, (
            SELECT string_agg(concat_ws('/', l.position, l.article, l.quantity), ',' ORDER BY l.position)
            FROM order_lines l WHERE l.order_no = o.order_no)), 'UTF8')), 'hex')
        WHERE o.order_no = one.order_no RETURNING hash INTO before;
    END LOOP;
END $$;
