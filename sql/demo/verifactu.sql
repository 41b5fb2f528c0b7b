-- A sample for the profile verifactu: invoice records of two issuers, each registered, some cancelled.
CREATE TABLE registros_facturacion (
    id                bigserial PRIMARY KEY,
    nif_emisor        text NOT NULL,
    numero_registro   integer NOT NULL,
    tipo_registro     text NOT NULL CHECK (tipo_registro IN ('alta', 'anulacion')),
    num_serie_factura text NOT NULL,
    fecha_expedicion  date NOT NULL,
    tipo_factura      text,
    cuota_total       numeric(14, 2),
    importe_total     numeric(14, 2),
    fecha_hora_huso   timestamptz NOT NULL,
    huella_anterior   text,
    huella            text NOT NULL,
    UNIQUE (nif_emisor, numero_registro)
);

CREATE FUNCTION registros_huella() RETURNS trigger LANGUAGE plpgsql SET timezone = 'Europe/Madrid' AS $$
DECLARE
    suffix text := CASE NEW.tipo_registro WHEN 'anulacion' THEN 'Anulada' ELSE '' END;
BEGIN
    SELECT huella INTO NEW.huella_anterior FROM registros_facturacion
    WHERE nif_emisor = NEW.nif_emisor AND numero_registro = NEW.numero_registro - 1;
    NEW.huella := upper(encode(sha256(convert_to(concat(
        'IDEmisorFactura', suffix, '=', NEW.nif_emisor,
        '&NumSerieFactura', suffix, '=', NEW.num_serie_factura,
        '&FechaExpedicionFactura', suffix, '=', to_char(NEW.fecha_expedicion, 'DD-MM-YYYY'),
        CASE NEW.tipo_registro WHEN 'alta' THEN concat('&TipoFactura=', NEW.tipo_factura,
            '&CuotaTotal=', NEW.cuota_total, '&ImporteTotal=', NEW.importe_total) END,
        '&Huella=', NEW.huella_anterior,
        '&FechaHoraHusoGenRegistro=', to_char(NEW.fecha_hora_huso, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM')), 'UTF8')), 'hex'));
    RETURN NEW;
END $$;
CREATE TRIGGER huella BEFORE INSERT ON registros_facturacion FOR EACH ROW EXECUTE FUNCTION registros_huella();

INSERT INTO registros_facturacion (nif_emisor, numero_registro, tipo_registro, num_serie_factura, fecha_expedicion,
    tipo_factura, cuota_total, importe_total, fecha_hora_huso)
SELECT nif, number, kind, format('2025/%s', lpad(invoice::text, 4, '0')), (moment AT TIME ZONE 'Europe/Madrid')::date,
    CASE kind WHEN 'alta' THEN 'F1' END,
    CASE kind WHEN 'alta' THEN round(invoice * 1.37 * 0.21, 2) END,
    CASE kind WHEN 'alta' THEN round(invoice * 1.37 * 1.21, 2) END, moment
FROM generate_series(1, 150) AS number, unnest(ARRAY['89890001K', 'B12345674']) AS nif,
    LATERAL (SELECT CASE number % 10 WHEN 0 THEN 'anulacion' ELSE 'alta' END AS kind,
                    number - CASE number % 10 WHEN 0 THEN 1 ELSE 0 END AS invoice,
                    timestamptz '2025-03-01 08:00:00+00' + number * interval '7 hours 1 second' AS moment) AS record
ORDER BY number, nif;
