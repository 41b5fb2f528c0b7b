-- What demo:tampered does to the sample: one amount changed, one entry deleted.
UPDATE registros_facturacion SET importe_total = 1 WHERE nif_emisor = '89890001K' AND numero_registro = 61;
DELETE FROM registros_facturacion WHERE nif_emisor = 'B12345674' AND numero_registro = 99;
